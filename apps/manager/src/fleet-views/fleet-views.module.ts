import { Module } from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { LedgerReader } from '../ledger/index.js';
import { ClusterController } from './cluster.controller.js';
import { HostDirectory } from './host-directory.js';
import { PeerController } from './peer.controller.js';
import { SchedulerChannels } from './scheduler-channels.js';
import { SchedulerController } from './scheduler.controller.js';

/** Clusters, schedulers and hosts over REST. */
@Module({
  imports: [LedgerModule],
  controllers: [ClusterController, SchedulerController, PeerController],
  providers: [
    {
      provide: SchedulerChannels,
      useFactory: (clock: Clock) => new SchedulerChannels(clock),
      inject: [Clock],
    },
    {
      provide: HostDirectory,
      useFactory: (
        reader: LedgerReader,
        { pool: channels }: SchedulerChannels,
        clock: Clock,
        log: Log,
      ) => new HostDirectory({ reader, channels, clock, log }),
      inject: [LedgerReader, SchedulerChannels, Clock, Log],
    },
  ],
})
export class FleetViewsModule {}
