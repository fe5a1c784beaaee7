export * from './command-line.js';
export { type ConfigClass } from './config-schema.js';
export * from './faults-from-env.js';
export * from './load-config.js';
export * from './secret.js';
