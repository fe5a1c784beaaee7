import { Clock } from '@pondhawk/core';

/** A wall clock further ahead than this is believed: the machine slept, or was paused. */
export const WALL_CLOCK_LEAD_MS_MAX = 60_000;

/**
 * Unix time that only moves as time passes: the wall clock read once, then carried on by the
 * monotonic one. So an administrator who sets the clock, or a leap of NTP, neither expires jobs nor
 * makes schedulers look silent. Only a great leap forward is followed, because a monotonic clock
 * stands still while a machine sleeps.
 */
export class SteadyClock extends Clock {
  private offsetMs: number;

  constructor(private readonly source: Clock) {
    super();
    this.offsetMs = source.nowMs() - source.monotonicMs();
  }

  /**
   * Goes on from at least this time: what the ledger saw before this start lies in the past, also when
   * the wall clock was set back meanwhile. Leases and deadlines then still run out.
   */
  notBefore(atMs: number): void {
    this.offsetMs += Math.max(0, atMs - this.nowMs());
  }

  nowMs(): number {
    const leadMs = this.source.nowMs() - (this.source.monotonicMs() + this.offsetMs);
    if (leadMs > WALL_CLOCK_LEAD_MS_MAX) this.offsetMs += leadMs;
    return Math.floor(this.source.monotonicMs() + this.offsetMs);
  }

  monotonicMs(): number {
    return this.source.monotonicMs();
  }
}
