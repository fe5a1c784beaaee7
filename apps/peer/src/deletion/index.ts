export * from './deletion-announcer.js';
export * from './startup-repair.js';
export * from './task-deletion.js';
