import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnApplicationShutdown,
} from '@nestjs/common';
import type { GrpcServer } from '@pondhawk/rpc';
import type { HealthServer } from '@pondhawk/observability';
import type { CopyStore } from './copies/index.js';
import type { StartupRepair, TaskDeletion } from './deletion/index.js';
import type { GarbageCollector } from './gc/index.js';
import { writeAddressesFile, type PeerAddresses } from './health/index.js';
import type { ServingGate } from './lease/index.js';
import type { PeerRun } from './peer-run.js';
import type { PieceServer } from './piece-serving/index.js';
import type { FleetSync, SchedulerLink } from './scheduler-link/index.js';
import type { PeerDatabase } from './store.module.js';

/** Single calls have this long to finish when the daemon stops. */
export const STOP_GRACE_MS = 5_000;

/** Everything the daemon starts and stops. */
export interface PeerDaemonParts {
  readonly run: PeerRun;
  readonly database: PeerDatabase;
  readonly copies: CopyStore;
  readonly deletion: TaskDeletion;
  readonly repair: StartupRepair;
  readonly gc: GarbageCollector;
  readonly pieces: PieceServer;
  readonly upload: GrpcServer;
  readonly local: GrpcServer;
  readonly health: HealthServer;
  readonly metrics: HealthServer;
  readonly link: SchedulerLink;
  readonly sync: FleetSync;
  readonly gate: ServingGate;
  readonly stopLease: () => void;
  /** Ends downloads; their fills stay resumable. */
  readonly stopDownloads: () => Promise<void>;
}

/**
 * The order in which the daemon comes up and goes down.
 *
 * Up: disk repaired, then ports, then schedulers are told, then `ready`. Down: schedulers are told
 * first, so that no child comes, then listeners and downloads, at last rows and the folder's lock.
 */
export class PeerDaemon
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private isReady = false;

  constructor(private readonly parts: PeerDaemonParts) {}

  async onApplicationBootstrap(): Promise<void> {
    const { run, repair, gc, link, sync, gate, local, health } = this.parts;
    health.addCheck('start', () => (this.isReady ? undefined : 'starting or stopping'));
    health.addCheck('host id', () => link.admission.refusal);
    health.addDetail('lease', () => describeLease(gate));
    link.admission.onRefused((refusal) => {
      run.log.error('another daemon stands for this host: nothing is served', { refusal });
    });
    await repair.run();
    const { uploadPort, addresses } = await this.listen();
    gc.start();
    await link.start(uploadPort);
    await sync.start();
    // People read copies here, and nothing but what this host has applied keeps them from old ones.
    await local.start();
    await writeAddressesFile(run.config.dataDir, addresses);
    this.isReady = true;
    run.log.info('ready', { addresses });
  }

  async beforeApplicationShutdown(): Promise<void> {
    const { link, sync, stopLease, stopDownloads, upload, local, pieces, gc } = this.parts;
    this.isReady = false;
    await sync.stop({ sayGoodbye: true });
    stopLease();
    await link.stop();
    const stopped = await Promise.allSettled([
      stopDownloads(),
      upload.stop(STOP_GRACE_MS),
      local.stop(STOP_GRACE_MS),
      pieces.stop(),
      gc.stop(),
    ]);
    for (const one of stopped) {
      if (one.status === 'rejected') {
        this.parts.run.log.warn('a part did not stop', { err: one.reason as unknown });
      }
    }
  }

  async onApplicationShutdown(): Promise<void> {
    const { copies, deletion, health, metrics, database, run } = this.parts;
    await copies.stop();
    await deletion.idle();
    await Promise.all([health.stop(), metrics.stop()]);
    database.db.close();
    run.lock.release();
    run.log.info('stopped');
  }

  private async listen(): Promise<{ uploadPort: number; addresses: PeerAddresses }> {
    const { run, pieces, upload, health, metrics } = this.parts;
    const { config } = run;
    const piecesPort = await pieces.start();
    const uploadPort = await upload.start();
    const healthPort = await health.start();
    const metricsPort = await metrics.start();
    return {
      uploadPort,
      addresses: {
        upload: `${config.upload.host}:${uploadPort}`,
        pieces: `${config.pieces.host}:${piecesPort}`,
        socket: config.socket.path,
        health: `${config.health.host}:${healthPort}`,
        metrics: `${config.metrics.host}:${metricsPort}`,
      },
    };
  }
}

/** For an operator: a host without a lease is of use all the same, as downloads pass through it. */
function describeLease({ leaseLeftMs: leftMs, isWaived }: ServingGate): string {
  if (leftMs === Infinity) return 'not needed: this host belongs to no cluster';
  if (leftMs > 0) return `valid for ${(leftMs / 1000).toFixed(1)} s`;
  if (isWaived) return 'none: copies are served all the same, as the cluster allows it';
  return 'none: copies are not served, and downloads pass through from their origins';
}
