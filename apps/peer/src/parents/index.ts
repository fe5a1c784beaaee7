export * from './change-signal.js';
export * from './parent.js';
export * from './parent-fetcher.js';
export * from './piece-digests.js';
export * from './vortex-connection.js';
