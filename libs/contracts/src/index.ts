/** Generated protobuf code by package; the only way to it for the rest of the project. */
export * as commonV2 from './gen/common/v2/common.js';
export * as dfdaemonV2 from './gen/dfdaemon/v2/dfdaemon.js';
export * as errordetailsV2 from './gen/errordetails/v2/errordetails.js';
export { Duration } from './gen/google/protobuf/duration.js';
export { Empty } from './gen/google/protobuf/empty.js';
export { Timestamp } from './gen/google/protobuf/timestamp.js';
export * as healthV1 from './gen/grpc/health/v1/health.js';
/** The manager's REST API: types of its paths and records. */
export type * as managerApi from './gen/manager-api.js';
export * as managerV2 from './gen/manager/v2/manager.js';
export * as pondhawkV1 from './pondhawk-v1.js';
export * as schedulerV2 from './gen/scheduler/v2/scheduler.js';
export * from './mappers/host-mapper.js';
export * from './mappers/inventory-mapper.js';
export * from './mappers/piece-mapper.js';
export * from './mappers/purge-mapper.js';
export * from './metadata-keys.js';
export * from './orders/index.js';
export * from './vortex/index.js';
