import { Module } from '@nestjs/common';
import { Log } from '@pondhawk/observability';
import { IdentityModule } from '../identity/identity.module.js';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { LedgerReader, LedgerWriter } from '../ledger/index.js';
import { ManagerMetrics } from '../process-wide/manager-metrics.js';
import { JobEventController } from './job-event.controller.js';
import { JobEvents } from './job-events.js';

/** The live events of jobs. */
@Module({
  imports: [LedgerModule, IdentityModule],
  controllers: [JobEventController],
  providers: [
    {
      provide: JobEvents,
      useFactory: (reader: LedgerReader, writer: LedgerWriter, metrics: ManagerMetrics, log: Log) =>
        new JobEvents({ reader, writer, metrics, log }),
      inject: [LedgerReader, LedgerWriter, ManagerMetrics, Log],
    },
  ],
})
export class JobEventsModule {}
