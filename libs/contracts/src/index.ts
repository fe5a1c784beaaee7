/** Generated protobuf code by package; the only way to it for the rest of the project. */
export * as commonV2 from './gen/common/v2/common.js';
export * as dfdaemonV2 from './gen/dfdaemon/v2/dfdaemon.js';
export * as healthV1 from './gen/grpc/health/v1/health.js';
export * as managerV2 from './gen/manager/v2/manager.js';
export * as copyV1 from './gen/pondhawk/v1/copy.js';
export * as fleetV1 from './gen/pondhawk/v1/fleet.js';
export * as localV1 from './gen/pondhawk/v1/local.js';
export * as swarmV1 from './gen/pondhawk/v1/swarm.js';
export * as schedulerV2 from './gen/scheduler/v2/scheduler.js';
export { Empty } from './gen/google/protobuf/empty.js';
