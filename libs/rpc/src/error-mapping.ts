import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import {
  ConfigError,
  ConflictError,
  DataCorruptionError,
  InvalidArgumentError,
  InvariantError,
  NotFoundError,
  PermissionDeniedError,
  PondhawkError,
  ResourceExhaustedError,
  UnauthenticatedError,
  UnavailableError,
  toError,
  type ErrorKind,
  type ErrorOptions,
} from '@pondhawk/core';
import { STATUS_MESSAGE_LENGTH_MAX } from './limits.js';

/** Metadata keys in which an error of ours travels beside its gRPC status. */
export const ERROR_CODE_KEY = 'pondhawk-error-code';
/** See `ERROR_CODE_KEY`; value is an `ErrorKind`. */
export const ERROR_KIND_KEY = 'pondhawk-error-kind';
/** See `ERROR_CODE_KEY`; value in ms. */
export const RETRY_AFTER_KEY = 'pondhawk-retry-after-ms';

const STATUS_OF_KIND: Record<ErrorKind, status> = {
  'invalid-argument': status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  'permission-denied': status.PERMISSION_DENIED,
  'not-found': status.NOT_FOUND,
  conflict: status.FAILED_PRECONDITION,
  'resource-exhausted': status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  'data-corruption': status.DATA_LOSS,
  invariant: status.INTERNAL,
  config: status.INTERNAL,
};

const STATUS_OF_CODE: Readonly<Record<string, status>> = {
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  CALL_CANCELLED: status.CANCELLED,
  UNIMPLEMENTED: status.UNIMPLEMENTED,
};

type ErrorClass = new (code: string, message: string, options?: ErrorOptions) => PondhawkError;

const CLASS_OF_KIND: Record<ErrorKind, ErrorClass> = {
  'invalid-argument': InvalidArgumentError,
  unauthenticated: UnauthenticatedError,
  'permission-denied': PermissionDeniedError,
  'not-found': NotFoundError,
  conflict: ConflictError,
  'resource-exhausted': ResourceExhaustedError,
  unavailable: UnavailableError,
  'data-corruption': DataCorruptionError,
  invariant: InvariantError,
  config: ConfigError,
};

const KIND_OF_STATUS: Partial<Record<status, ErrorKind>> = {
  [status.CANCELLED]: 'unavailable',
  [status.INVALID_ARGUMENT]: 'invalid-argument',
  [status.OUT_OF_RANGE]: 'invalid-argument',
  [status.DEADLINE_EXCEEDED]: 'unavailable',
  [status.UNAVAILABLE]: 'unavailable',
  [status.NOT_FOUND]: 'not-found',
  [status.ALREADY_EXISTS]: 'conflict',
  [status.FAILED_PRECONDITION]: 'conflict',
  [status.ABORTED]: 'conflict',
  [status.PERMISSION_DENIED]: 'permission-denied',
  [status.UNAUTHENTICATED]: 'unauthenticated',
  [status.RESOURCE_EXHAUSTED]: 'resource-exhausted',
  [status.DATA_LOSS]: 'data-corruption',
};

/** A status as it ends a call. */
export interface CallStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/**
 * The status for what a handler threw. Errors that are not ours become INTERNAL with a message
 * that tells nothing.
 *
 * @param trailers trailing metadata of the handler, kept beside the error's.
 */
export function toCallStatus(thrown: unknown, trailers = new Metadata()): CallStatus {
  const error = isOurs(thrown)
    ? thrown
    : new InvariantError('INTERNAL', 'The daemon failed; see its log.');
  const metadata = trailers.clone();
  metadata.set(ERROR_CODE_KEY, error.code);
  metadata.set(ERROR_KIND_KEY, error.kind);
  if (error.retryAfterMs !== undefined) {
    metadata.set(RETRY_AFTER_KEY, String(Math.ceil(error.retryAfterMs)));
  }
  return { code: statusOf(error), details: safeMessage(error.message), metadata };
}

/** Whether a thrown value is one of our errors; anything else is unexpected and worth a log line. */
export function isOurs(thrown: unknown): thrown is PondhawkError {
  return thrown instanceof PondhawkError;
}

/**
 * One of our errors for what a call ended with: the class the other side named, else the one that
 * fits its status. `details.grpcStatus` keeps the status by name.
 */
export function fromCallError(thrown: unknown): PondhawkError {
  if (isOurs(thrown)) return thrown;
  if (!isServiceError(thrown)) {
    return new InvariantError('RPC_FAILED', toError(thrown).message, { cause: thrown });
  }
  const { metadata } = thrown;
  const retryAfterMs = Number(textOf(metadata, RETRY_AFTER_KEY) ?? Number.NaN);
  const named = textOf(metadata, ERROR_KIND_KEY);
  const kind = isErrorKind(named) ? named : (KIND_OF_STATUS[thrown.code] ?? 'invariant');
  const statusName = thrown.code === status.CANCELLED ? 'CALL_CANCELLED' : status[thrown.code];
  const code = textOf(metadata, ERROR_CODE_KEY) ?? statusName;
  return new CLASS_OF_KIND[kind](code, thrown.details || thrown.message, {
    cause: thrown,
    details: { grpcStatus: status[thrown.code] },
    ...(Number.isFinite(retryAfterMs) ? { retryAfterMs } : {}),
  });
}

function statusOf(error: PondhawkError): status {
  if (error.kind === 'conflict' && error.code.endsWith('_EXISTS')) return status.ALREADY_EXISTS;
  return STATUS_OF_CODE[error.code] ?? STATUS_OF_KIND[error.kind];
}

/** Without lone surrogates, at which grpc-js would throw, and not longer than headers allow. */
function safeMessage(message: string): string {
  return message.slice(0, STATUS_MESSAGE_LENGTH_MAX).replace(/\p{Surrogate}/gu, '\uFFFD');
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return (
    thrown instanceof Error &&
    'code' in thrown &&
    typeof thrown.code === 'number' &&
    'details' in thrown &&
    'metadata' in thrown
  );
}

function isErrorKind(raw: string | undefined): raw is ErrorKind {
  return raw !== undefined && Object.hasOwn(CLASS_OF_KIND, raw);
}

function textOf(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return value === undefined ? undefined : value.toString();
}
