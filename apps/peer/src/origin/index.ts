export * from './origin-client.js';
export * from './origin-error.js';
