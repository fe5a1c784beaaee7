import { Module } from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { LeaseBook, LedgerReader, LedgerWriter } from '../ledger/index.js';
import { FenceSweeper } from './fence-sweeper.js';

/** Hosts that need not answer a purge. */
@Module({
  imports: [LedgerModule],
  providers: [
    {
      provide: FenceSweeper,
      useFactory: (
        reader: LedgerReader,
        writer: LedgerWriter,
        leases: LeaseBook,
        clock: Clock,
        log: Log,
      ) => new FenceSweeper({ reader, writer, leases, clock, log }),
      inject: [LedgerReader, LedgerWriter, LeaseBook, Clock, Log],
    },
  ],
})
export class FencesModule {}
