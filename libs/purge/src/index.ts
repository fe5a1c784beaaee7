export * from './chain-hash.js';
export * from './entry-log.js';
export * from './purge-entry.js';
