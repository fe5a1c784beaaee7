/** How long leases run. A manager's setting; views and grants carry it to the other daemons. */
export interface LeaseLengths {
  /** How long a scheduler may grant on one view, from when it asked for it. */
  readonly schedulerLeaseMs: number;
  /** How long a host may serve on one grant, from when it asked for it. */
  readonly hostLeaseMs: number;
}

/** What a manager counts with. */
export interface LeaseTiming extends LeaseLengths {
  /** Covers clock rates and the longest stop of a process between a check and its write. */
  readonly marginMs: number;
}

/** Leases of 4 s, so that whoever does not answer is fenced after 10 s. */
export const DEFAULT_TIMING: LeaseTiming = {
  schedulerLeaseMs: 4_000,
  hostLeaseMs: 4_000,
  marginMs: 2_000,
};

/** The bound: no lease that does not know a purge outlives its commit by this. */
export function boundMs(timing: LeaseTiming): number {
  return timing.schedulerLeaseMs + timing.hostLeaseMs + timing.marginMs;
}
