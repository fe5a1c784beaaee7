export * from './addresses-file.js';
export * from './peer-metrics.js';
