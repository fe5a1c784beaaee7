import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { LedgerWriter } from '../ledger/index.js';
import type { ManagerMetrics } from '../process-wide/manager-metrics.js';

const MS_PER_SECOND = 1_000;

/** Counts jobs as the ledger commits their ends. */
export class JobMetrics implements OnModuleInit, BeforeApplicationShutdown {
  private unsubscribe: (() => void) | undefined; // Set between start and stop.

  constructor(
    private readonly writer: LedgerWriter,
    private readonly metrics: ManagerMetrics,
  ) {}

  onModuleInit(): void {
    this.unsubscribe = this.writer.onCommitted((changes) => {
      for (const { ended } of changes) {
        if (ended === undefined) continue;
        this.metrics.jobsEnded.increment({ type: ended.type, outcome: ended.outcome });
        this.metrics.jobSeconds.observe(ended.durationMs / MS_PER_SECOND, { type: ended.type });
      }
    });
  }

  beforeApplicationShutdown(): void {
    this.unsubscribe?.();
  }
}
