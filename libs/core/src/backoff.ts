import type { RandomSource } from './clock.js';

/** How a retry is spread. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * Delay before the next attempt, with full jitter.
 *
 * @param attempt 1 for the first retry.
 * @returns milliseconds in [0, min(capMs, baseMs * 2^(attempt - 1))].
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffDelayMs(
  attempt: number,
  { baseMs, capMs }: BackoffOptions,
  random: RandomSource,
): number {
  return Math.round(random() * Math.min(capMs, baseMs * 2 ** (attempt - 1)));
}
