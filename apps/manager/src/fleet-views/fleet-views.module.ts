import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { LedgerReader, LedgerWriter } from '../ledger/index.js';
import { ProcessEdge } from '../process-wide/process-edge.js';
import { ClusterStore } from './cluster-store.js';
import { ClusterController } from './cluster.controller.js';
import { PeerController } from './peer.controller.js';
import { PersistentCacheTaskController } from './persistent-cache-task.controller.js';
import { SchedulerClusterController } from './scheduler-cluster.controller.js';
import { SchedulerFeatureController } from './scheduler-feature.controller.js';
import { SchedulerController } from './scheduler.controller.js';
import { SeedPeerClusterController } from './seed-peer-cluster.controller.js';
import { SeedPeerController } from './seed-peer.controller.js';

/** Clusters, schedulers, seed peers and hosts over REST. */
@Module({
  imports: [LedgerModule],
  controllers: [
    ClusterController,
    SchedulerClusterController,
    SeedPeerClusterController,
    SchedulerController,
    SchedulerFeatureController,
    SeedPeerController,
    PeerController,
    PersistentCacheTaskController,
  ],
  providers: [
    {
      provide: ClusterStore,
      useFactory: (reader: LedgerReader, writer: LedgerWriter, edge: ProcessEdge) =>
        new ClusterStore(reader, writer, edge),
      inject: [LedgerReader, LedgerWriter, ProcessEdge],
    },
  ],
})
export class FleetViewsModule {}
