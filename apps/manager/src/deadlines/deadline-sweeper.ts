import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { type Clock, runAtHalfTime, toError } from '@pondhawk/core';
import { LEASE_CAUTION_MS } from '@pondhawk/jobs';
import type { Log } from '@pondhawk/observability';
import type { LedgerReader, LedgerWriter } from '../ledger/index.js';

/** How often it is looked for what time has run out for; how late an end by time-out may be. */
export const DEADLINE_SWEEP_INTERVAL_MS = 250;

/** What the sweeper works with. */
export interface DeadlineSweeperOptions {
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Ends what time has run out for: jobs past their deadline, orders of clusters in which no scheduler
 * appeared, and attempts of which no word came. Sweeps from bootstrap to shutdown, one sweep at a
 * time. For `LEASE_CAUTION_MS` after the start no attempt ends: reports may wait in the broker.
 */
export class DeadlineSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined; // Set between bootstrap and shutdown.
  private sweeping: Promise<void> | undefined; // Set while a sweep is under way.
  private isStopping = false;
  private isFailing = false; // The last sweep failed; only the first of a row is logged.
  private readonly startedAtMs: number; // Monotonic.

  constructor(private readonly options: DeadlineSweeperOptions) {
    this.startedAtMs = options.clock.monotonicMs();
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweeping ??= this.sweep().finally(() => (this.sweeping = undefined));
    }, DEADLINE_SWEEP_INTERVAL_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    clearInterval(this.timer);
    await this.sweeping;
  }

  private async sweep(): Promise<void> {
    const { log } = this.options;
    try {
      let hasMore = true;
      while (hasMore && !this.isStopping) hasMore = await runAtHalfTime(() => this.step());
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) log.error('deadlines cannot be enforced', { err: toError(error) });
      this.isFailing = true;
    }
  }

  /** Attempts first: however many jobs end, orders are given on in time. @returns whether more may have to end. */
  private async step(): Promise<boolean> {
    const { reader, writer, clock } = this.options;
    // Reading costs nothing; an empty command would cost a commit.
    const overdue = await reader.findOverdue(clock.nowMs());
    const isCautious = clock.monotonicMs() - this.startedAtMs < LEASE_CAUTION_MS;
    if (overdue.leases && !isCautious) await this.takeOver();
    if (!overdue.jobs) return false;
    await writer.execute('expire-jobs', { atMs: clock.nowMs() });
    return true;
  }

  private async takeOver(): Promise<void> {
    const { writer, clock, log } = this.options;
    const { takenOver } = await writer.execute('expire-leases', { atMs: clock.nowMs() });
    for (const one of takenOver) log.warn('no word of an order: it is given on', { ...one });
  }
}
