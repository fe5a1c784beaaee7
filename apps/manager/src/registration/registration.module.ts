import { Module } from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import { ManagerConfig } from '../config/manager.config.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { PreheatPlanner } from '../jobs/preheat-planner.js';
import { ManagerMetrics } from '../process-wide/manager-metrics.js';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { LedgerReader, LedgerWriter } from '../ledger/index.js';
import { FleetService } from './fleet-service.js';
import { GrpcListener } from './grpc-listener.js';
import { HostProgress } from './host-progress.js';
import { LedgerGauges } from './ledger-gauges.js';
import { ManagerService } from './manager-service.js';

/** Registration and liveness of schedulers and seed peers, over gRPC. */
@Module({
  imports: [LedgerModule, JobsModule],
  providers: [
    {
      provide: ManagerService,
      useFactory: (
        { keepAlive }: ManagerConfig,
        reader: LedgerReader,
        writer: LedgerWriter,
        clock: Clock,
      ) => new ManagerService({ reader, writer, clock, keepAliveIntervalMs: keepAlive.intervalMs }),
      inject: [ManagerConfig, LedgerReader, LedgerWriter, Clock],
    },
    {
      provide: FleetService,
      // Composition root: the parts object has as many fields.
      // eslint-disable-next-line max-params
      useFactory: (
        { leases: { schedulerLeaseMs, hostLeaseMs } }: ManagerConfig,
        reader: LedgerReader,
        writer: LedgerWriter,
        clock: Clock,
        log: Log,
        progress: HostProgress,
        planner: PreheatPlanner,
      ) =>
        new FleetService({
          reader,
          writer,
          clock,
          log,
          progress,
          planner,
          leases: { schedulerLeaseMs, hostLeaseMs },
        }),
      inject: [
        ...[ManagerConfig, LedgerReader, LedgerWriter, Clock, Log, HostProgress],
        PreheatPlanner,
      ],
    },
    {
      provide: LedgerGauges,
      useFactory: (
        reader: LedgerReader,
        progress: HostProgress,
        metrics: ManagerMetrics,
        clock: Clock,
      ) => new LedgerGauges({ reader, progress, metrics, clock }),
      inject: [LedgerReader, HostProgress, ManagerMetrics, Clock],
    },
    { provide: HostProgress, useFactory: () => new HostProgress() },
    {
      provide: GrpcListener,
      useFactory: (
        { grpc }: ManagerConfig,
        manager: ManagerService,
        fleet: FleetService,
        log: Log,
      ) => new GrpcListener({ host: grpc.host, port: grpc.port, manager, fleet, log }),
      inject: [ManagerConfig, ManagerService, FleetService, Log],
    },
  ],
  exports: [HostProgress],
})
export class RegistrationModule {}
