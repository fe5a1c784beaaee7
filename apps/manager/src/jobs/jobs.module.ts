import { Module } from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import { ManagerConfig } from '../config/manager.config.js';
import { AuthKeySource } from '../identity/auth-key.js';
import { IdentityModule } from '../identity/identity.module.js';
import { ImageResolver } from '../images/image-resolver.js';
import { ImagesModule } from '../images/images.module.js';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { IdentityReader, LedgerReader, LedgerWriter } from '../ledger/index.js';
import { ProcessEdge } from '../process-wide/process-edge.js';
import { ManagerMetrics } from '../process-wide/manager-metrics.js';
import { loadRetentionAges } from '../retention/retention-ages.js';
import { DistributionQuestion } from './distribution-question.js';
import { JobAcceptance } from './job-acceptance.js';
import { JobEndWaiter } from './job-end-waiter.js';
import { JobMetrics } from './job-metrics.js';
import { JobBatch } from './job-batch.js';
import { JobControlController } from './job-control.controller.js';
import { JobRateLimits } from './job-rate-limits.js';
import { JobController } from './job.controller.js';
import { PreheatPlanner } from './preheat-planner.js';

/** Jobs: accepted, shown, waited for, forgotten. */
@Module({
  imports: [LedgerModule, ImagesModule, IdentityModule],
  controllers: [JobController, JobControlController],
  providers: [
    {
      provide: PreheatPlanner,
      useFactory: (resolver: ImageResolver, reader: LedgerReader, { keys }: AuthKeySource) =>
        new PreheatPlanner({ resolver, reader, sealKey: keys.seal }),
      inject: [ImageResolver, LedgerReader, AuthKeySource],
    },
    {
      provide: JobAcceptance,
      // Composition root.
      // eslint-disable-next-line max-params
      useFactory: (
        reader: LedgerReader,
        writer: LedgerWriter,
        identity: IdentityReader,
        { clock, faults }: ProcessEdge,
        metrics: ManagerMetrics,
        { retention }: ManagerConfig,
        { keys }: AuthKeySource,
        planner: PreheatPlanner,
      ) => {
        const limits = new JobRateLimits(reader, clock);
        const loadAges = () => loadRetentionAges(reader, retention);
        const needs = { reader, writer, identity, clock, faults, metrics };
        return new JobAcceptance({ ...needs, limits, loadAges, planner, sealKey: keys.seal });
      },
      inject: [
        ...[LedgerReader, LedgerWriter, IdentityReader, ProcessEdge, ManagerMetrics],
        ...[ManagerConfig, AuthKeySource, PreheatPlanner],
      ],
    },
    {
      provide: JobBatch,
      useFactory: (acceptance: JobAcceptance, log: Log) => new JobBatch(acceptance, log),
      inject: [JobAcceptance, Log],
    },
    {
      provide: JobEndWaiter,
      useFactory: (reader: LedgerReader, writer: LedgerWriter, clock: Clock) =>
        new JobEndWaiter({ reader, writer, clock }),
      inject: [LedgerReader, LedgerWriter, Clock],
    },
    {
      provide: DistributionQuestion,
      useFactory: (
        resolver: ImageResolver,
        acceptance: JobAcceptance,
        waiter: JobEndWaiter,
        reader: LedgerReader,
      ) => new DistributionQuestion({ resolver, acceptance, waiter, reader }),
      inject: [ImageResolver, JobAcceptance, JobEndWaiter, LedgerReader],
    },
    {
      provide: JobMetrics,
      useFactory: (writer: LedgerWriter, metrics: ManagerMetrics) =>
        new JobMetrics(writer, metrics),
      inject: [LedgerWriter, ManagerMetrics],
    },
  ],
  exports: [PreheatPlanner],
})
export class JobsModule {}
