import { ResourceExhaustedError, type Clock } from '@pondhawk/core';

/** Tokens counted at a time; those that have been silent for a second need no counting. */
export const TOKENS_COUNTED_MAX = 10_000;

const SECOND_MS = 1_000;

interface Bucket {
  readonly left: number;
  readonly atMs: number; // Monotonic.
}

/** Lets each personal access token make so many requests a second, with bursts of one second's. */
export class TokenRateLimits {
  private readonly buckets = new Map<number, Bucket>(); // By token; who called longest ago comes first.

  constructor(
    private readonly perSecond: number,
    private readonly clock: Clock,
  ) {}

  /** Counts one request. @throws ResourceExhaustedError (`TOKEN_RATE_LIMITED`) with when to come again. */
  take(tokenId: number): void {
    const nowMs = this.clock.monotonicMs();
    const { left: before, atMs } = this.buckets.get(tokenId) ?? {
      left: this.perSecond,
      atMs: nowMs,
    };
    const left =
      Math.min(this.perSecond, before + ((nowMs - atMs) * this.perSecond) / SECOND_MS) - 1;
    if (left < 0) {
      throw new ResourceExhaustedError(
        'TOKEN_RATE_LIMITED',
        `This token may make ${this.perSecond} requests a second.`,
        { retryAfterMs: (-left * SECOND_MS) / this.perSecond, details: { limit: this.perSecond } },
      );
    }
    this.buckets.delete(tokenId);
    this.buckets.set(tokenId, { left, atMs: nowMs });
    this.forgetSilent(nowMs);
  }

  private forgetSilent(nowMs: number): void {
    if (this.buckets.size <= TOKENS_COUNTED_MAX) return;
    for (const [tokenId, { atMs }] of this.buckets) {
      if (nowMs - atMs < SECOND_MS) return;
      this.buckets.delete(tokenId);
    }
  }
}
