export * from './data-folder-lock.js';
export * from './disk.js';
export * from './migrate.js';
export * from './open-database.js';
export * from './storage-error.js';
export * from './sync-directory.js';
export * from './unsynced-commit.js';
