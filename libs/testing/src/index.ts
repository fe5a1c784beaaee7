export * from './cluster/cluster-plan.js';
export * from './cluster/daemon-process.js';
export * from './cluster/free-ports.js';
export * from './cluster/local-cluster.js';
export * from './eventually.js';
export * from './origin-server.js';
export * from './run-command.js';
export * from './temp-dir.js';
