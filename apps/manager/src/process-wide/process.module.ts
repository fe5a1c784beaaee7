import { Module, type DynamicModule } from '@nestjs/common';
import { Clock, Faults } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import { ManagerConfig } from '../config/manager.config.js';
import { ManagerMetrics } from './manager-metrics.js';
import { ProcessEdge } from './process-edge.js';
import { SteadyClock } from './steady-clock.js';

/** What a process is made with. */
export interface ProcessFacts {
  readonly config: ManagerConfig;
  readonly log: Log;
  readonly faults: Faults;
  /** The machine's clock. */
  readonly clock: Clock;
}

/** Settings, log, clock, metrics: what nearly everything needs, so the only global module. */
@Module({})
export class ProcessModule {
  static of({ config, log, faults, clock }: ProcessFacts): DynamicModule {
    const steadyClock = new SteadyClock(clock);
    const providers = [
      { provide: ManagerConfig, useValue: config },
      { provide: Log, useValue: log },
      { provide: Faults, useValue: faults },
      { provide: SteadyClock, useValue: steadyClock },
      { provide: Clock, useExisting: SteadyClock },
      { provide: ProcessEdge, useValue: new ProcessEdge(steadyClock, faults) },
      { provide: ManagerMetrics, useValue: new ManagerMetrics() },
    ];
    return {
      module: ProcessModule,
      global: true,
      providers,
      exports: providers.map(({ provide }) => provide),
    };
  }
}
