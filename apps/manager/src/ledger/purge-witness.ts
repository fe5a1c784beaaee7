/** What the purge logs had reached, kept outside of the ledger: it tells a ledger that went back. */

/** Where a cluster's log stood when a delete was last answered. */
export interface WitnessedLogs {
  readonly epoch: string;
  /** Newest number by cluster. */
  readonly heads: ReadonlyMap<number, number>;
  /** Number of the newest waiver by cluster; a cluster that never had one is absent. */
  readonly waivers: ReadonlyMap<number, number>;
}

/** Keeps `WitnessedLogs`; a port, because a ledger of several managers may keep it elsewhere. */
export abstract class PurgeWitness {
  /** What was recorded last; undefined if nothing is there. */
  abstract read(): Promise<WitnessedLogs | undefined>;
  /** Forgets what was and begins anew, durable when it resolves. */
  abstract restart(logs: WitnessedLogs): Promise<void>;
  /**
   * Raises heads and numbers of waivers, durable when it resolves; with another epoch, what was is forgotten.
   *
   * @throws UnavailableError (`DISK_FULL`, `DISK_ERROR`).
   */
  abstract record(logs: WitnessedLogs): Promise<void>;
}
