import { Module } from '@nestjs/common';
import { Log } from '@pondhawk/observability';
import { ManagerConfig } from '../config/manager.config.js';
import { IdentityReader, LeaseBook, LedgerReader, LedgerWriter } from '../ledger/index.js';
import { SteadyClock } from '../process-wide/steady-clock.js';
import { DataFolder } from './data-folder.js';

/** The ledger, opened before anything listens and closed after everything has stopped. */
@Module({
  providers: [
    {
      provide: DataFolder,
      useFactory: (config: ManagerConfig, clock: SteadyClock, log: Log) =>
        DataFolder.open(config, clock, log),
      inject: [ManagerConfig, SteadyClock, Log],
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
  exports: [IdentityReader, LeaseBook, LedgerReader, LedgerWriter],
})
export class LedgerModule {}
