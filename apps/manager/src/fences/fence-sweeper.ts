import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { type Clock, toError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { FenceableNodes, LeaseBook, LedgerReader, LedgerWriter } from '../ledger/index.js';

/** How often it is looked whom the rules fence; how late a fence may be. */
export const FENCE_SWEEP_INTERVAL_MS = 100;
/** How often purges are looked for that this process has not accepted itself, and rows that count no longer. */
export const LEDGER_SWEEP_INTERVAL_MS = 1_000;

/** What the sweeper works with. */
export interface FenceSweeperOptions {
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter;
  readonly leases: LeaseBook;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Fences the hosts of purges by R8: those that have not answered and cannot have a lease any more.
 * Sweeps from bootstrap to shutdown, one sweep at a time; one that finds nothing writes nothing, and
 * what one finds shares a commit.
 */
export class FenceSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined; // Set between bootstrap and shutdown.
  private sweeping: Promise<void> | undefined; // Set while a sweep is under way.
  private ledgerSweptAtMs = -Infinity; // Monotonic.
  private adoptedUpTo = 0; // The ledger number up to which purges are known.
  private isFailing = false; // The last sweep failed; only the first of a row is logged.

  constructor(private readonly options: FenceSweeperOptions) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweeping ??= this.sweep().finally(() => (this.sweeping = undefined));
    }, FENCE_SWEEP_INTERVAL_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.sweeping;
  }

  private async sweep(): Promise<void> {
    const { leases, log } = this.options;
    try {
      await this.sweepLedger();
      await Promise.all(leases.watch.findFenceable().map((found) => this.fence(found)));
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) log.error('nobody can be fenced', { err: toError(error) });
      this.isFailing = true;
    }
  }

  private async fence(found: FenceableNodes): Promise<void> {
    const { writer, leases, clock, log } = this.options;
    const input = { atMs: clock.nowMs(), ...found };
    const { fencedCount } = await writer.execute('fence-targets', input);
    leases.watch.noteWritten(found);
    const { jobId, clusterId } = found;
    if (fencedCount > 0) log.info('hosts are fenced', { jobId, clusterId, fencedCount });
  }

  private async sweepLedger(): Promise<void> {
    const { reader, writer, leases, clock } = this.options;
    if (clock.monotonicMs() - this.ledgerSweptAtMs < LEDGER_SWEEP_INTERVAL_MS) return;
    this.ledgerSweptAtMs = clock.monotonicMs();
    // Of former starts, and of other managers on the same ledger.
    const { purges, number } = await reader.listOpenPurges(this.adoptedUpTo);
    for (const purge of purges) leases.watch.adopt(purge);
    this.adoptedUpTo = number;
    const isTimingOld = leases.isSettled && leases.timing !== leases.configured;
    if (isTimingOld || (await reader.hasClosedEnrolments())) {
      await writer.execute('forget-enrolments', { atMs: clock.nowMs() });
    }
  }
}
