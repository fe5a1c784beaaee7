export * from './describe-error.js';
export * from './health-server.js';
export * from './log.js';
export * from './metrics.js';
export * from './redact-url.js';
export * from './stop-on-signals.js';
export * from './system-clock.js';
export * from './winston-log.js';
