import { InvariantError, type ErrorDetails } from './errors.js';

/**
 * States what must hold if our own code is right.
 *
 * @throws InvariantError (`ASSERTION_FAILED`) if `condition` is false.
 */
export function assert(
  condition: boolean,
  message: string,
  details: ErrorDetails = {},
): asserts condition {
  if (!condition) throw new InvariantError('ASSERTION_FAILED', message, { details });
}

/** Ends a switch over a union: does not compile while a member is unhandled. @throws InvariantError if reached. */
export function assertNever(value: never): never {
  throw new InvariantError('UNREACHABLE', `Unhandled value: ${JSON.stringify(value)}.`);
}
