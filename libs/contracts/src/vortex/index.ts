export * from './decode.js';
export * from './encode.js';
export * from './packet.js';
export * from './reader.js';
