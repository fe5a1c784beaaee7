import type { Provider } from '@nestjs/common';
import { LeaseClocks, ZERO_EPOCH } from '@pondhawk/core';
import { PeerMetrics } from './health/index.js';
import { LeaseGate, OpenGate, ServingGate } from './lease/index.js';
import type { PeerRun } from './peer-run.js';
import { PurgeLog } from './purge-log/index.js';

/** What decides whether bytes may leave. */
export function leaseProviders({ config, incarnation, clocks, log }: PeerRun): Provider[] {
  return [
    { provide: LeaseClocks, useValue: clocks },
    {
      provide: LeaseGate,
      useFactory: (purges: PurgeLog) =>
        new LeaseGate({
          incarnation,
          clocks,
          place: () => purges.position,
          log: log.child({ part: 'lease' }),
        }),
      inject: [PurgeLog],
    },
    {
      provide: ServingGate,
      useFactory: (gate: LeaseGate, purges: PurgeLog, metrics: PeerMetrics) => {
        metrics.observeLease(gate);
        const hasCluster =
          config.manager.address !== undefined || config.schedulers.addresses.length > 0;
        // A host that was in a cluster once may hold what that cluster has purged.
        const isAlone = !hasCluster && purges.position.epoch === ZERO_EPOCH;
        return isAlone ? new OpenGate() : gate;
      },
      inject: [LeaseGate, PurgeLog, PeerMetrics],
    },
  ];
}
