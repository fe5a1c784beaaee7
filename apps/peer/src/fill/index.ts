export * from './download-spec.js';
export * from './fill-engine.js';
export * from './fill-run.js';
export * from './or-aborted.js';
export * from './origin-fill.js';
export * from './origin-retry.js';
export * from './peer-announcement.js';
export * from './whole-digest.js';
