import type { OnApplicationShutdown } from '@nestjs/common';
import { HealthServer } from '@pondhawk/observability';
import type { ManagerConfig } from '../config/manager.config.js';
import type { ManagerMetrics } from './manager-metrics.js';

/** The port that Prometheus reads; the last to close, so that a slow shutdown can be watched. */
export class MetricsListener implements OnApplicationShutdown {
  private readonly server: HealthServer;

  constructor(
    config: ManagerConfig,
    private readonly metrics: ManagerMetrics,
  ) {
    const { host, port } = config.metrics;
    this.server = new HealthServer({ host, port, metrics: this.metrics.registry, health: false });
  }

  /** @returns the bound port. @throws ConfigError (`ADDRESS_UNUSABLE`). */
  async start(): Promise<number> {
    this.metrics.registry.collectDefaults();
    return this.server.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.server.stop();
  }
}
