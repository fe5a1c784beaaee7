import { Clock } from '@pondhawk/core';

/** The clock of a running daemon. */
export class SystemClock extends Clock {
  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }
}
