export * from './content-digest.js';
export * from './piece-layout.js';
export * from './task-id.js';
export * from './validator.js';
export * from './url-secrets.js';
