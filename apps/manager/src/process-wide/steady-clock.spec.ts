import { Clock } from '@pondhawk/core';
import { SteadyClock, WALL_CLOCK_LEAD_MS_MAX } from './steady-clock.js';

class TwoHandedClock extends Clock {
  wallMs = 1_000_000;
  elapsedMs = 500;

  nowMs(): number {
    return this.wallMs;
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }
}

describe('SteadyClock', () => {
  it('moves with passing time, whichever way the wall clock is set', () => {
    const source = new TwoHandedClock();
    const clock = new SteadyClock(source);
    source.elapsedMs += 100;
    source.wallMs -= 3_600_000;
    expect(clock.nowMs()).toBe(1_000_100);
    source.wallMs = 1_000_100 + WALL_CLOCK_LEAD_MS_MAX;
    expect(clock.nowMs()).toBe(1_000_100);
  });

  it('follows a wall clock far ahead, as after a sleep of the machine', () => {
    const source = new TwoHandedClock();
    const clock = new SteadyClock(source);
    source.wallMs += WALL_CLOCK_LEAD_MS_MAX + 1;
    expect(clock.nowMs()).toBe(source.wallMs);
    source.elapsedMs += 7;
    expect(clock.nowMs()).toBe(source.wallMs + 7);
  });
});
