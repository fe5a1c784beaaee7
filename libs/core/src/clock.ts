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

/** A source of numbers in [0, 1), injected wherever a choice is random. */
export type RandomSource = () => number;
