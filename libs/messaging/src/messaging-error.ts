import { ErrorCode, NatsError } from 'nats';
import { PondhawkError, UnavailableError, toError } from '@pondhawk/core';

const TIMEOUT_CODES: readonly string[] = [ErrorCode.Timeout, '408'];

/**
 * One of our errors for what the NATS client threw; ours pass unchanged. Everything the broker says is
 * retryable: who publishes keeps the message until it is taken.
 *
 * @returns UnavailableError `BROKER_TIMEOUT`, `BROKER_REFUSED` (its answer is in the message) or
 *   `BROKER_UNAVAILABLE`.
 */
export function toMessagingError(thrown: unknown): PondhawkError {
  if (thrown instanceof PondhawkError) return thrown;
  const { message } = toError(thrown);
  const options = { cause: thrown };
  if (thrown instanceof NatsError) {
    if (TIMEOUT_CODES.includes(thrown.code)) {
      return new UnavailableError('BROKER_TIMEOUT', 'The broker did not answer in time.', options);
    }
    if (thrown.api_error !== undefined) {
      const { description } = thrown.api_error;
      return new UnavailableError('BROKER_REFUSED', `The broker refused: ${description}.`, options);
    }
  }
  return new UnavailableError(
    'BROKER_UNAVAILABLE',
    `The broker is not there: ${message}.`,
    options,
  );
}

/** Whether the broker says that there is no such stream or consumer. */
export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof NatsError && thrown.api_error?.code === 404;
}
