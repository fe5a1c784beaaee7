import { Module } from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import { ManagerConfig } from '../config/manager.config.js';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { LeaseBook, LedgerReader, LedgerWriter } from '../ledger/index.js';
import { ProcessEdge } from '../process-wide/process-edge.js';
import { HostProgress } from '../registration/host-progress.js';
import { RegistrationModule } from '../registration/registration.module.js';
import { ClusterStore } from './cluster-store.js';
import { ClusterController } from './cluster.controller.js';
import { HostStandings } from './host-standings.js';
import { InstanceStore } from './instance-store.js';
import { PeerController } from './peer.controller.js';
import { PersistentCacheTaskController } from './persistent-cache-task.controller.js';
import { PurgeLogController } from './purge-log.controller.js';
import { SchedulerClusterController } from './scheduler-cluster.controller.js';
import { SchedulerFeatureController } from './scheduler-feature.controller.js';
import { SchedulerController } from './scheduler.controller.js';
import { SeedPeerClusterController } from './seed-peer-cluster.controller.js';
import { SeedPeerController } from './seed-peer.controller.js';

/** Clusters, schedulers, seed peers and hosts over REST. */
@Module({
  imports: [LedgerModule, RegistrationModule],
  controllers: [
    ClusterController,
    SchedulerClusterController,
    SeedPeerClusterController,
    SchedulerController,
    SchedulerFeatureController,
    SeedPeerController,
    PeerController,
    PurgeLogController,
    PersistentCacheTaskController,
  ],
  providers: [
    {
      provide: HostStandings,
      useFactory: (reader: LedgerReader, leases: LeaseBook, progress: HostProgress, clock: Clock) =>
        new HostStandings({ reader, leases, progress, nowMs: () => clock.nowMs() }),
      inject: [LedgerReader, LeaseBook, HostProgress, Clock],
    },
    {
      provide: ClusterStore,
      useFactory: (reader: LedgerReader, writer: LedgerWriter, edge: ProcessEdge) =>
        new ClusterStore(reader, writer, edge),
      inject: [LedgerReader, LedgerWriter, ProcessEdge],
    },
    {
      provide: InstanceStore,
      useFactory: (
        reader: LedgerReader,
        writer: LedgerWriter,
        clock: Clock,
        { keepAlive }: ManagerConfig,
      ) => new InstanceStore(reader, writer, clock, keepAlive.intervalMs),
      inject: [LedgerReader, LedgerWriter, Clock, ManagerConfig],
    },
  ],
})
export class FleetViewsModule {}
