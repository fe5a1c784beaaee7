export * from './chunk-pool.js';
export * from './piece-connection.js';
export * from './piece-server.js';
