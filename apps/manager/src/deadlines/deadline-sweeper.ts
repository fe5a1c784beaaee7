import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { type Clock, toError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { LedgerReader, LedgerWriter } from '../ledger/index.js';

/** How often jobs are looked through for what time has run out for; how late an end by time-out may be. */
export const DEADLINE_SWEEP_INTERVAL_MS = 250;

/** What the sweeper works with. */
export interface DeadlineSweeperOptions {
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Ends what time has run out for: jobs past their deadline, and orders of clusters in which no
 * scheduler appeared. Sweeps from bootstrap to shutdown, one sweep at a time.
 */
export class DeadlineSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined; // Set between bootstrap and shutdown.
  private sweeping: Promise<void> | undefined; // Set while a sweep is under way.
  private isFailing = false; // The last sweep failed; only the first of a row is logged.

  constructor(private readonly options: DeadlineSweeperOptions) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweeping ??= this.sweep().finally(() => (this.sweeping = undefined));
    }, DEADLINE_SWEEP_INTERVAL_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.sweeping;
  }

  private async sweep(): Promise<void> {
    const { reader, writer, clock, log } = this.options;
    try {
      // Reading costs nothing; an empty command would cost a commit.
      if ((await reader.listUnfinishedJobIds()).length === 0) return;
      await writer.execute('expire-jobs', { atMs: clock.nowMs() });
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) log.error('deadlines cannot be enforced', { err: toError(error) });
      this.isFailing = true;
    }
  }
}
