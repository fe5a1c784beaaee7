import { setTimeout as sleep } from 'node:timers/promises';
import { toError } from '@pondhawk/core';

/** How long, and how often, a condition is looked at. */
export interface EventuallyOptions {
  readonly timeoutMs: number;
  readonly intervalMs?: number;
}

/**
 * Waits until `check` neither throws nor returns false, and gives its value.
 *
 * @throws Error with the last failure as its cause after `timeoutMs`.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs, intervalMs = 25 }: EventuallyOptions,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: Error = new Error('The condition is false.');
  for (;;) {
    try {
      const value = await check();
      if (value !== false) return value;
    } catch (thrown) {
      last = toError(thrown);
    }
    if (performance.now() > deadline) {
      throw new Error(`Not so within ${timeoutMs} ms: ${last.message}`, { cause: last });
    }
    await sleep(intervalMs);
  }
}
