import { Module, type DynamicModule } from '@nestjs/common';
import { ManagerConfig } from './config/manager.config.js';
import { DeadlinesModule } from './deadlines/deadlines.module.js';
import { FencesModule } from './fences/fences.module.js';
import { FleetViewsModule } from './fleet-views/fleet-views.module.js';
import { JobEventsModule } from './job-events/job-events.module.js';
import { IdentityModule } from './identity/identity.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { NamedRecordsModule } from './named-records/named-records.module.js';
import { OutboxModule } from './outbox/outbox.module.js';
import { ProbesModule } from './probes/probes.module.js';
import { ManagerMetrics } from './process-wide/manager-metrics.js';
import { MetricsListener } from './process-wide/metrics-listener.js';
import { ProcessModule, type ProcessFacts } from './process-wide/process.module.js';
import { RegistrationModule } from './registration/registration.module.js';
import { ProviderSignInModule } from './provider-sign-in/provider-sign-in.module.js';
import { ReportsModule } from './reports/reports.module.js';
import { RetentionModule } from './retention/retention.module.js';

/** The manager, composed of its capabilities. */
@Module({})
export class AppModule {
  static of(facts: ProcessFacts): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ProcessModule.of(facts),
        IdentityModule,
        ProbesModule,
        JobsModule,
        JobEventsModule,
        FleetViewsModule,
        NamedRecordsModule,
        ProviderSignInModule,
        RegistrationModule,
        OutboxModule,
        ReportsModule,
        DeadlinesModule,
        FencesModule,
        RetentionModule,
      ],
      providers: [
        {
          provide: MetricsListener,
          useFactory: (config: ManagerConfig, metrics: ManagerMetrics) =>
            new MetricsListener(config, metrics),
          inject: [ManagerConfig, ManagerMetrics],
        },
      ],
    };
  }
}
