/** The closed set of errors that Pondhawk raises, split by who must act on them. */

import { types } from 'node:util';

/** Facts about an error that are safe to show to the caller: no secrets, no URL queries, no paths of the machine. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** What an error carries besides its code and message. */
export interface ErrorOptions {
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
  /** When the caller may come again, in ms from now. Only for `ResourceExhaustedError` and `UnavailableError`. */
  readonly retryAfterMs?: number;
}

/** Names of the error classes, stable on the wire (gRPC metadata `pondhawk-error-kind`). */
export type ErrorKind =
  | 'invalid-argument'
  | 'unauthenticated'
  | 'permission-denied'
  | 'not-found'
  | 'conflict'
  | 'resource-exhausted'
  | 'unavailable'
  | 'data-corruption'
  | 'invariant'
  | 'config';

/**
 * Base of all errors of ours. `code` is SCREAMING_SNAKE, never reused, and listed in docs/errors.md;
 * `message` is safe to show and names the field or object concerned.
 */
export abstract class PondhawkError extends Error {
  abstract readonly kind: ErrorKind;
  /** Whether the same call may succeed later without a change by the caller. */
  abstract readonly retryable: boolean;
  readonly details: ErrorDetails;
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly code: string,
    message: string,
    options: ErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The caller sent nonsense; `details.field` names the field. */
export class InvalidArgumentError extends PondhawkError {
  readonly kind = 'invalid-argument';
  readonly retryable = false;
}

/** Nobody we know is calling. */
export class UnauthenticatedError extends PondhawkError {
  readonly kind = 'unauthenticated';
  readonly retryable = false;
}

/** Somebody we know may not do this. */
export class PermissionDeniedError extends PondhawkError {
  readonly kind = 'permission-denied';
  readonly retryable = false;
}

/** No such job, task, piece or host. */
export class NotFoundError extends PondhawkError {
  readonly kind = 'not-found';
  readonly retryable = false;
}

/** The present state forbids it. */
export class ConflictError extends PondhawkError {
  readonly kind = 'conflict';
  readonly retryable = false;
}

/** A limit of ours was reached; `retryAfterMs` says when to come again. */
export class ResourceExhaustedError extends PondhawkError {
  readonly kind = 'resource-exhausted';
  readonly retryable = true;
}

/** Something we depend on is down or did not answer in time. */
export class UnavailableError extends PondhawkError {
  readonly kind = 'unavailable';
  readonly retryable = true;
}

/** Bytes or rows are not what they were; fetch them elsewhere. */
export class DataCorruptionError extends PondhawkError {
  readonly kind = 'data-corruption';
  readonly retryable = false;
}

/** A bug of ours. */
export class InvariantError extends PondhawkError {
  readonly kind = 'invariant';
  readonly retryable = false;
}

/** The daemon refuses to start; the message names the key and the fix. */
export class ConfigError extends PondhawkError {
  readonly kind = 'config';
  readonly retryable = false;
}

/** Narrows what `catch` gives: errors pass, anything else becomes an `InvariantError` that tells it. */
export function toError(thrown: unknown): Error {
  return isError(thrown)
    ? thrown
    : new InvariantError(
        'NON_ERROR_THROWN',
        `Something that is no error was thrown: ${String(thrown)}.`,
      );
}

/** The system error code (`ENOENT`, `ECONNRESET`, …) of an error of Node's, if it has one. */
export function errnoOf(error: unknown): string | undefined {
  // By shape, not by class: an addon's errors are neither native ones nor of this realm's class.
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Also true for errors made in another realm, as those of Node's own modules are in a VM context. */
function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || types.isNativeError(thrown);
}
