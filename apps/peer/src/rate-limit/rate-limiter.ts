import { setTimeout as delay } from 'node:timers/promises';
import { assert, type Clock } from '@pondhawk/core';

/** How much may go at once after a pause. Small, so that ten seconds stay within a tenth of the rate. */
const BURST_MS = 100;

/** Waits `ms`; rejects with the signal's reason when it aborts. */
export type Wait = (ms: number, signal?: AbortSignal) => Promise<void>;

const waitByTimer: Wait = async (ms, signal) => {
  await delay(ms, undefined, signal === undefined ? {} : { signal });
};

/**
 * Bytes a second, shared by takers in the order they came.
 *
 * Each taker is given the moment at which its bytes are paid for, right after those before it, so
 * nobody overtakes and nobody starves. A taker that gives up has paid all the same: the bytes it
 * asked for are at most one chunk.
 */
export class RateLimiter {
  /** Monotonic ms at which everything taken so far is paid for. */
  private paidUntilMs = Number.NEGATIVE_INFINITY;

  /** @param bytesPerSecond 0 = unlimited. */
  constructor(
    private readonly bytesPerSecond: number,
    private readonly clock: Clock,
    private readonly wait: Wait = waitByTimer,
  ) {
    assert(bytesPerSecond >= 0, 'A rate is not negative.', { bytesPerSecond });
  }

  /**
   * Takes `bytes`.
   *
   * @returns undefined if they may go at once, else a promise that is kept when they may; it rejects when `signal` aborts.
   */
  take(bytes: number, signal?: AbortSignal): Promise<void> | undefined {
    if (this.bytesPerSecond === 0) return undefined;
    const nowMs = this.clock.monotonicMs();
    const startMs = Math.max(this.paidUntilMs, nowMs - BURST_MS);
    this.paidUntilMs = startMs + (bytes * 1000) / this.bytesPerSecond;
    const waitMs = this.paidUntilMs - nowMs;
    return waitMs <= 0 ? undefined : this.wait(waitMs, signal);
  }
}
