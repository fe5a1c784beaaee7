import { ManualClock } from '@pondhawk/core';
import { TOKENS_COUNTED_MAX, TokenRateLimits } from './token-rate-limits.js';

describe('TokenRateLimits', () => {
  const clock = new ManualClock(0);

  const passed = (limits: TokenRateLimits, tokenId: number, tries: number): number => {
    let count = 0;
    for (let index = 0; index < tries; index += 1) {
      try {
        limits.take(tokenId);
        count += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: 'TOKEN_RATE_LIMITED' });
      }
    }
    return count;
  };

  it("lets through a second's requests at once and then as many as time brings, each token by itself", () => {
    const limits = new TokenRateLimits(5, clock);
    expect([passed(limits, 1, 9), passed(limits, 2, 9)]).toEqual([5, 5]);
    clock.advance(199);
    expect(passed(limits, 1, 9)).toBe(0);
    clock.advance(1);
    expect(passed(limits, 1, 9)).toBe(1);
    clock.advance(3_600_000);
    expect(passed(limits, 1, 9)).toBe(5);
  });

  it('says when there is room again', () => {
    const limits = new TokenRateLimits(2, clock);
    passed(limits, 1, 2);
    let refusal: unknown;
    try {
      limits.take(1);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ code: 'TOKEN_RATE_LIMITED', retryAfterMs: 500 });
  });

  it('forgets tokens that have been silent, and none that has not', () => {
    const limits = new TokenRateLimits(1, clock);
    for (let id = 1; id <= TOKENS_COUNTED_MAX; id += 1) limits.take(id);
    limits.take(TOKENS_COUNTED_MAX + 1);
    expect(passed(limits, 1, 1)).toBe(0);
    clock.advance(1_000);
    limits.take(TOKENS_COUNTED_MAX + 2);
    expect(passed(limits, 1, 2)).toBe(1);
  });
});
