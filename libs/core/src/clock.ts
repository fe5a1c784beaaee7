/** Where time comes from, so that rules run the same in a simulation as in a daemon. */
export abstract class Clock {
  /** Wall clock, Unix ms. May jump. */
  abstract nowMs(): number;
  /** Monotonic ms since an arbitrary origin; never goes back. */
  abstract monotonicMs(): number;
}

/** A clock that only moves when told to. */
export class ManualClock extends Clock {
  constructor(
    private wallMs = 0,
    private elapsedMs = 0,
  ) {
    super();
  }

  nowMs(): number {
    return this.wallMs;
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  /** Lets `ms` pass on both clocks. */
  advance(ms: number): void {
    this.wallMs += ms;
    this.elapsedMs += ms;
  }

  /** Sets the wall clock alone, as an administrator does. */
  setWall(wallMs: number): void {
    this.wallMs = wallMs;
  }
}

/** All clocks of a machine at one instant. */
export interface ClockReadings {
  /** Never goes back, but may stand still while the machine is suspended. */
  readonly monotonicMs: number;
  /** Counts while the machine is suspended. */
  readonly sinceBootMs: number;
  /** May jump. */
  readonly wallMs: number;
}

/** Where all clocks are read at once: by what a lease is counted. */
export abstract class LeaseClocks {
  /** Cheap enough for every chunk that is written. @throws UnavailableError (`CLOCK_UNREADABLE`). */
  abstract read(): ClockReadings;
}

/** Clocks that only move when told to. */
export class ManualLeaseClocks extends LeaseClocks {
  private readings: ClockReadings = { monotonicMs: 0, sinceBootMs: 0, wallMs: 0 };

  read(): ClockReadings {
    return this.readings;
  }

  /** Lets `ms` pass on all clocks. */
  advance(ms: number): void {
    this.suspend(ms);
    this.readings = { ...this.readings, monotonicMs: this.readings.monotonicMs + ms };
  }

  /** Lets `ms` pass as a machine that is suspended sees it afterwards. */
  suspend(ms: number): void {
    const { monotonicMs, sinceBootMs, wallMs } = this.readings;
    this.readings = { monotonicMs, sinceBootMs: sinceBootMs + ms, wallMs: wallMs + ms };
  }

  /** Moves the wall clock alone by `ms`, as an administrator does. */
  shiftWall(ms: number): void {
    this.readings = { ...this.readings, wallMs: this.readings.wallMs + ms };
  }
}

/** A source of numbers in [0, 1), injected wherever a choice is random. */
export type RandomSource = () => number;
