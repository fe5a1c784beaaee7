export * from './job-phase.js';
export * from './job-type.js';
export * from './order-lease.js';
export * from './order-state.js';
export * from './outcome.js';
export * from './parallelism.js';
export * from './provider-registry.js';
export * from './target-outcome.js';
