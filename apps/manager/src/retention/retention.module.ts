import { Module } from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import { ManagerConfig } from '../config/manager.config.js';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { LedgerWriter } from '../ledger/index.js';
import { ManagerMetrics } from '../process-wide/manager-metrics.js';
import { RetentionSweeper } from './retention-sweeper.js';

const DAY_MS = 24 * 3_600_000;

/** How long things are kept. */
@Module({
  imports: [LedgerModule],
  providers: [
    {
      provide: RetentionSweeper,
      useFactory: (
        writer: LedgerWriter,
        clock: Clock,
        log: Log,
        metrics: ManagerMetrics,
        { retention }: ManagerConfig,
      ) =>
        new RetentionSweeper({
          ...{ writer, clock, log, metrics },
          jobAgeMsMax: retention.jobDays * DAY_MS,
          purgeAgeMsMax: retention.purgeDays * DAY_MS,
        }),
      inject: [LedgerWriter, Clock, Log, ManagerMetrics, ManagerConfig],
    },
  ],
})
export class RetentionModule {}
