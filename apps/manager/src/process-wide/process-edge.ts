import type { Clock, Faults } from '@pondhawk/core';

/** The time, and the named places where a test may let the process die. */
export class ProcessEdge {
  constructor(
    readonly clock: Clock,
    readonly faults: Faults,
  ) {}
}
