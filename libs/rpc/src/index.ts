export { Metadata, status as GrpcStatus, type Client } from '@grpc/grpc-js';
export type { AnswerGuard } from './answer-guard.js';
export * from './calls.js';
export * from './channel-pool.js';
export {
  ERROR_CODE_KEY,
  ERROR_KIND_KEY,
  RETRY_AFTER_KEY,
  fromCallError,
  toCallStatus,
} from './error-mapping.js';
export * from './grpc-server.js';
export * from './health-service.js';
export * from './limits.js';
export * from './service-handlers.js';
export * from './stranger/index.js';
export * from './unix-socket.js';
