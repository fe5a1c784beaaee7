export * from './lease-gate.js';
export * from './serving-gate.js';
