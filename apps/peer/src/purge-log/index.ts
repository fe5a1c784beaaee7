export * from './purge-log.js';
export * from './sqlite-purges.js';
