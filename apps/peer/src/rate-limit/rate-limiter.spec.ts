import { ManualClock } from '@pondhawk/core';
import { RateLimiter } from './rate-limiter.js';

/** A wait that only remembers how long it was asked for. */
function recordingWait(): { waits: number[]; wait: (ms: number) => Promise<void> } {
  const waits: number[] = [];
  return {
    waits,
    wait: (ms) => {
      waits.push(ms);
      return Promise.resolve();
    },
  };
}

describe('RateLimiter', () => {
  it('lets everything pass at rate 0', () => {
    const limiter = new RateLimiter(0, new ManualClock());
    expect(limiter.take(1e12)).toBeUndefined();
  });

  it('stays within 10 % of the rate over 10 s', async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter(1_000_000, clock, (ms) => {
      clock.advance(ms);
      return Promise.resolve();
    });
    let bytes = 0;
    while (clock.monotonicMs() < 10_000) {
      await limiter.take(65_536);
      bytes += 65_536;
    }
    expect(bytes).toBeGreaterThan(9_000_000);
    expect(bytes).toBeLessThan(11_000_000);
  });

  it('saves up no more than a tenth of a second', () => {
    const clock = new ManualClock();
    const { waits, wait } = recordingWait();
    const limiter = new RateLimiter(1_000, clock, wait);
    clock.advance(60_000);
    expect(limiter.take(100)).toBeUndefined();
    void limiter.take(1_000);
    expect(waits).toEqual([1_000]);
  });

  it('serves takers in the order they came', () => {
    const { waits, wait } = recordingWait();
    const limiter = new RateLimiter(1_000, new ManualClock(), wait);
    void limiter.take(1_100);
    void limiter.take(10);
    void limiter.take(500);
    expect(waits).toEqual([1_000, 1_010, 1_510]);
  });

  it('ends a wait when the taker gives up', async () => {
    const limiter = new RateLimiter(1, new ManualClock());
    const abort = new AbortController();
    const taken = limiter.take(1_000_000, abort.signal);
    abort.abort();
    await expect(taken).rejects.toThrow(/abort/);
  });
});
