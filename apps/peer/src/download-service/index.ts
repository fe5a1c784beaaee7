export * from './content-stream.js';
export * from './download-service.js';
export * from './pass-through.js';
