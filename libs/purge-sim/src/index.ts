export * from './faults.js';
export * from './parts.js';
export * from './run-schedule.js';
export * from './run-seeds.js';
export * from './truth.js';
