import { Module } from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { LedgerReader, LedgerWriter } from '../ledger/index.js';
import { DeadlineSweeper } from './deadline-sweeper.js';

/** What happens because time passes. */
@Module({
  imports: [LedgerModule],
  providers: [
    {
      provide: DeadlineSweeper,
      useFactory: (reader: LedgerReader, writer: LedgerWriter, clock: Clock, log: Log) =>
        new DeadlineSweeper({ reader, writer, clock, log }),
      inject: [LedgerReader, LedgerWriter, Clock, Log],
    },
  ],
})
export class DeadlinesModule {}
