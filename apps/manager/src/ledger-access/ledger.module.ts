import { Module } from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import { ManagerConfig } from '../config/manager.config.js';
import { LedgerReader, LedgerWriter } from '../ledger/index.js';
import { DataFolder } from './data-folder.js';

/** The ledger, opened before anything listens and closed after everything has stopped. */
@Module({
  providers: [
    {
      provide: DataFolder,
      useFactory: (config: ManagerConfig, clock: Clock, log: Log) =>
        DataFolder.open(config, clock, log),
      inject: [ManagerConfig, Clock, Log],
    },
    {
      provide: LedgerReader,
      useFactory: ({ ledger }: DataFolder) => ledger.reader,
      inject: [DataFolder],
    },
    {
      provide: LedgerWriter,
      useFactory: ({ ledger }: DataFolder) => ledger.writer,
      inject: [DataFolder],
    },
  ],
  exports: [LedgerReader, LedgerWriter],
})
export class LedgerModule {}
