export * from './copy.js';
export * from './copy-errors.js';
export * from './copy-paths.js';
export * from './copy-reader.js';
export * from './copy-store.js';
export * from './fill.js';
export type { CopyListener } from './live-copy.js';
export * from './piece-writer.js';
export * from './sqlite-copies.js';
