export * from './piece-sync.js';
export * from './purge-task.js';
export * from './task-calls.js';
export * from './upload-service.js';
