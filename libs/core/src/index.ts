export * from './assert.js';
export * from './backoff.js';
export * from './clock.js';
export * from './errors.js';
export * from './faults.js';
export * from './ids.js';
export * from './log-id.js';
export * from './rendezvous.js';
