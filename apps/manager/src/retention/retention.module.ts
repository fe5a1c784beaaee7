import { Module } from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import { ManagerConfig } from '../config/manager.config.js';
import { DataFolder } from '../ledger-access/data-folder.js';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { LedgerReader, LedgerWriter } from '../ledger/index.js';
import { ManagerMetrics } from '../process-wide/manager-metrics.js';
import { loadRetentionAges } from './retention-ages.js';
import { GcRunner } from './gc-runner.js';
import { RetentionSweeper } from './retention-sweeper.js';

const DAY_MS = 24 * 3_600_000;

/** How long things are kept. */
@Module({
  imports: [LedgerModule],
  providers: [
    {
      provide: RetentionSweeper,
      // Composition root.
      // eslint-disable-next-line max-params
      useFactory: (
        reader: LedgerReader,
        writer: LedgerWriter,
        clock: Clock,
        log: Log,
        metrics: ManagerMetrics,
        { retention }: ManagerConfig,
        { ledger }: DataFolder,
      ) =>
        new RetentionSweeper({
          ...{ writer, clock, log, metrics },
          loadAges: () => loadRetentionAges(reader, retention),
          purgeAgeMsMax: retention.purgeDays * DAY_MS,
          ledgerAtMs: ledger.newestAtMs,
        }),
      inject: [LedgerReader, LedgerWriter, Clock, Log, ManagerMetrics, ManagerConfig, DataFolder],
    },
    {
      provide: GcRunner,
      useFactory: (
        reader: LedgerReader,
        writer: LedgerWriter,
        clock: Clock,
        log: Log,
        metrics: ManagerMetrics,
      ) => new GcRunner({ reader, writer, clock, log, metrics }),
      inject: [LedgerReader, LedgerWriter, Clock, Log, ManagerMetrics],
    },
  ],
})
export class RetentionModule {}
