import { Module } from '@nestjs/common';
import { Log } from '@pondhawk/observability';
import { ManagerConfig } from '../config/manager.config.js';
import { IdentityReader, LeaseBook, LedgerReader, LedgerWriter } from '../ledger/index.js';
import { ManagerMetrics } from '../process-wide/manager-metrics.js';
import { SteadyClock } from '../process-wide/steady-clock.js';
import { DataFolder } from './data-folder.js';

const MS_PER_SECOND = 1_000;

/** The ledger, opened before anything listens and closed after everything has stopped. */
@Module({
  providers: [
    {
      provide: DataFolder,
      useFactory: (config: ManagerConfig, clock: SteadyClock, log: Log, metrics: ManagerMetrics) =>
        DataFolder.open(config, clock, {
          log,
          onCommit: (durationMs) => metrics.commitSeconds.observe(durationMs / MS_PER_SECOND),
        }),
      inject: [ManagerConfig, SteadyClock, Log, ManagerMetrics],
    },
    {
      provide: LedgerReader,
      useFactory: ({ ledger }: DataFolder) => ledger.reader,
      inject: [DataFolder],
    },
    {
      provide: IdentityReader,
      useFactory: ({ ledger }: DataFolder) => ledger.identity,
      inject: [DataFolder],
    },
    {
      provide: LeaseBook,
      useFactory: ({ ledger }: DataFolder) => ledger.leases,
      inject: [DataFolder],
    },
    {
      provide: LedgerWriter,
      useFactory: ({ ledger }: DataFolder) => ledger.writer,
      inject: [DataFolder],
    },
  ],
  exports: [DataFolder, IdentityReader, LeaseBook, LedgerReader, LedgerWriter],
})
export class LedgerModule {}
