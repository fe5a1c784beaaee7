export * from './disk-reserve.js';
export * from './disk-usage.js';
export * from './eviction-plan.js';
export * from './garbage-collector.js';
