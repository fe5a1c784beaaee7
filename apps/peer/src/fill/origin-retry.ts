import { setTimeout as delay } from 'node:timers/promises';
import { PondhawkError, type RandomSource, backoffDelayMs } from '@pondhawk/core';

/** Tries of one request to the origin. */
export const ORIGIN_ATTEMPTS_MAX = 3;
const BACKOFF = { baseMs: 100, capMs: 1_000 };

/**
 * Asks an origin, again where its failure may pass, with a pause that grows.
 *
 * @param isOver nobody waits for the answer any more.
 * @throws the last failure.
 */
export async function retryOrigin<T>(
  act: () => Promise<T>,
  { random, isOver }: { readonly random: RandomSource; readonly isOver: () => boolean },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      const isWorth = error instanceof PondhawkError && error.retryable && isOfOrigin(error);
      if (!isWorth || attempt === ORIGIN_ATTEMPTS_MAX || isOver()) throw error;
      await delay(backoffDelayMs(attempt, BACKOFF, random));
    }
  }
}

function isOfOrigin(error: PondhawkError): boolean {
  return error.code.startsWith('ORIGIN_');
}
