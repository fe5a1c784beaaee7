export * from './choose-parents.js';
export * from './peer-state.js';
export * from './swarm-event.js';
export * from './swarm-limits.js';
export * from './swarm-model.js';
export * from './swarm.js';
export * from './task-content.js';
export * from './task-state.js';
