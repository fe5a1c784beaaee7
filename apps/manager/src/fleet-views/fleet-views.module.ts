import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { ClusterController } from './cluster.controller.js';
import { PeerController } from './peer.controller.js';
import { SchedulerController } from './scheduler.controller.js';

/** Clusters, schedulers and hosts over REST. */
@Module({
  imports: [LedgerModule],
  controllers: [ClusterController, SchedulerController, PeerController],
})
export class FleetViewsModule {}
