export * from './digest.js';
export * from './piece-layout.js';
export * from './task-id.js';
