import type { OnModuleInit } from '@nestjs/common';
import type { Clock } from '@pondhawk/core';
import type { LedgerReader } from '../ledger/index.js';
import type { ManagerMetrics } from '../process-wide/manager-metrics.js';
import type { HostProgress } from './host-progress.js';

const MS_PER_SECOND = 1_000;

/** What the gauges are read from. */
export interface LedgerGaugesParts {
  readonly reader: LedgerReader;
  readonly progress: HostProgress;
  readonly metrics: ManagerMetrics;
  readonly clock: Clock;
}

/** Gauges that are read from the ledger when metrics are asked for. */
export class LedgerGauges implements OnModuleInit {
  constructor(private readonly parts: LedgerGaugesParts) {}

  onModuleInit(): void {
    const { registry } = this.parts.metrics;
    registry.observedGauge(
      {
        name: 'pondhawk_manager_hosts_behind',
        help: 'Connected hosts that have not applied all of their purge log, as told to this manager.',
      },
      async () => (await this.findBehind()).length,
    );
    registry.observedGauge(
      {
        name: 'pondhawk_manager_oldest_unapplied_seconds',
        help: 'Age of the oldest purge that a connected host has not applied; 0: there is none.',
      },
      () => this.oldestUnappliedSeconds(),
    );
    registry.observedGauge(
      {
        name: 'pondhawk_manager_outbox_lag_seconds',
        help: 'Age of the oldest message that the broker has not taken; 0: there is none.',
      },
      async () => this.ageOf(await this.parts.reader.findOldestUnsentAtMs()),
    );
  }

  /** Connected hosts that lag, as (cluster, number applied). */
  private async findBehind(): Promise<readonly (readonly [number, number])[]> {
    const { reader, progress } = this.parts;
    const behind: (readonly [number, number])[] = [];
    for (const { id: clusterId } of await reader.listClusters()) {
      const state = await reader.findLogState(clusterId);
      for (const hostId of await reader.listConnectedHostIds(clusterId)) {
        const told = progress.find(clusterId, hostId);
        if (state === undefined || told?.epoch !== state.epoch) continue;
        if (told.applied < state.head) behind.push([clusterId, told.applied]);
      }
    }
    return behind;
  }

  private async oldestUnappliedSeconds(): Promise<number> {
    const slowest = new Map<number, number>();
    for (const [clusterId, applied] of await this.findBehind()) {
      slowest.set(clusterId, Math.min(applied, slowest.get(clusterId) ?? Infinity));
    }
    const ages = await Promise.all(
      [...slowest].map(async ([clusterId, applied]) =>
        this.ageOf(await this.parts.reader.findPurgeAtMs(clusterId, applied + 1)),
      ),
    );
    return Math.max(0, ...ages);
  }

  private ageOf(atMs: number | undefined): number {
    return atMs === undefined ? 0 : Math.max(0, this.parts.clock.nowMs() - atMs) / MS_PER_SECOND;
  }
}
