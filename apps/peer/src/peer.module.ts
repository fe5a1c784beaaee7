import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { dfdaemonV2, pondhawkV1 } from '@pondhawk/contracts';
import { HealthServer } from '@pondhawk/observability';
import { GrpcServer, type ListenAddress } from '@pondhawk/rpc';
import { folderLockOf } from '@pondhawk/storage';
import { CopyStore } from './copies/index.js';
import { StartupRepair, TaskDeletion } from './deletion/index.js';
import { GarbageCollector } from './gc/index.js';
import { PeerMetrics } from './health/index.js';
import { LeaseGate, ServingGate } from './lease/index.js';
import { downloadService, localService } from './local-service/index.js';
import { PeerDaemon } from './peer-daemon.js';
import { hostFactsOf, type PeerRun } from './peer-run.js';
import { ChunkPool, PieceServer } from './piece-serving/index.js';
import { RateLimiter } from './rate-limit/index.js';
import { PurgeLog } from './purge-log/index.js';
import { FleetSync, SchedulerLink, hostMessage } from './scheduler-link/index.js';
import { PeerDatabase, StoreModule } from './store.module.js';
import { DownloadsModule } from './downloads.module.js';
import { DownloadTasks, SYNC_REQUEST_BYTES_MAX, uploadService } from './upload-service/index.js';

/** The gRPC listener for other machines. */
export class UploadListener extends GrpcServer {}

/** The gRPC listener of the unix socket. */
export class LocalListener extends GrpcServer {}

/** The whole daemon: its store, its downloads, its listeners. */
@Module({})
export class PeerModule {
  static register(run: PeerRun): DynamicModule {
    const store = StoreModule.register(run);
    return {
      module: PeerModule,
      imports: [store, DownloadsModule.register(run, store)],
      providers: [pieceServer(run), uploadListener(run), localListener(run), daemon(run)],
    };
  }
}

function pieceServer({ config, clock, log }: PeerRun): Provider {
  return {
    provide: PieceServer,
    useFactory: (
      copies: CopyStore,
      metrics: PeerMetrics,
      link: SchedulerLink,
      gate: ServingGate,
    ) => {
      const server = new PieceServer(config.pieces, {
        copies,
        chunks: new ChunkPool(),
        limiter: new RateLimiter(config.upload.rateLimitBytesPerSecond, clock),
        gate,
        log: log.child({ part: 'piece-serving' }),
        onSent: (bytes) => metrics.pieceBytesSent(bytes),
        onAnswered: (outcome) => metrics.pieceAnswered(outcome),
        mayServe: () => link.admission.refusal === undefined,
        isBlocked: (copy) => link.blocks.blocksUpload(copy),
      });
      link.admission.onRefused(() => server.cutAll());
      metrics.observe({ copies, pieces: server });
      return server;
    },
    inject: [CopyStore, PeerMetrics, SchedulerLink, ServingGate],
  };
}

function uploadListener(run: PeerRun): Provider {
  const { config } = run;
  return {
    provide: UploadListener,
    // Composition root: the service has as many parts.
    // eslint-disable-next-line max-params
    useFactory: (
      copies: CopyStore,
      deletion: TaskDeletion,
      downloads: DownloadTasks,
      pieces: PieceServer,
      purges: PurgeLog,
      sync: FleetSync,
      link: SchedulerLink,
    ) => {
      const listener = new UploadListener({
        ...optionsOf(run, config.upload),
        requestBytesMax: SYNC_REQUEST_BYTES_MAX,
      });
      listener.addService(
        dfdaemonV2.DfdaemonUploadService,
        uploadService({
          copies,
          deletion,
          downloads,
          purges,
          admission: link.admission,
          isBlocked: (copy) => link.blocks.blocksUpload(copy),
          fetchEntries: () => sync.fetch(),
          clusterId: config.clusterId,
          address: () => ({ ip: config.host.ip, port: pieces.port }),
          describeHost: () => hostMessage(hostFactsOf(run), config.upload.port),
          daemon: { incarnation: run.incarnation, folderLock: folderLockOf(run.lock.record) },
        }),
      );
      return listener;
    },
    inject: [
      CopyStore,
      TaskDeletion,
      DownloadTasks,
      PieceServer,
      PurgeLog,
      FleetSync,
      SchedulerLink,
    ],
  };
}

function localListener(run: PeerRun): Provider {
  return {
    provide: LocalListener,
    useFactory: (
      copies: CopyStore,
      deletion: TaskDeletion,
      downloads: DownloadTasks,
      gate: ServingGate,
    ) => {
      const listener = new LocalListener(optionsOf(run, { socketPath: run.config.socket.path }));
      listener.addService(
        dfdaemonV2.DfdaemonDownloadService,
        downloadService({ copies, deletion, downloads }),
      );
      listener.addService(pondhawkV1.LocalService, localService({ copies, gate }));
      return listener;
    },
    inject: [CopyStore, TaskDeletion, DownloadTasks, ServingGate],
  };
}

function daemon(run: PeerRun): Provider {
  const { config, metrics } = run;
  const { host, port } = config.metrics;
  return {
    provide: PeerDaemon,
    // Composition root: one place that starts and stops everything knows everything.
    // eslint-disable-next-line max-params
    useFactory: (
      database: PeerDatabase,
      copies: CopyStore,
      deletion: TaskDeletion,
      repair: StartupRepair,
      gc: GarbageCollector,
      pieces: PieceServer,
      upload: UploadListener,
      local: LocalListener,
      link: SchedulerLink,
      sync: FleetSync,
      downloads: DownloadTasks,
      gate: ServingGate,
      lease: LeaseGate,
    ) =>
      new PeerDaemon({
        run,
        database,
        copies,
        deletion,
        repair,
        gc,
        pieces,
        upload,
        local,
        link,
        sync,
        gate,
        stopLease: () => lease.stop(),
        health: new HealthServer(config.health),
        metrics: new HealthServer({ host, port, metrics, health: false }),
        stopDownloads: () => downloads.stop(),
      }),
    inject: [
      PeerDatabase,
      CopyStore,
      TaskDeletion,
      StartupRepair,
      GarbageCollector,
      PieceServer,
      UploadListener,
      LocalListener,
      SchedulerLink,
      FleetSync,
      DownloadTasks,
      ServingGate,
      LeaseGate,
    ],
  };
}

function optionsOf(
  { log }: PeerRun,
  listen: ListenAddress,
): ConstructorParameters<typeof GrpcServer>[0] {
  return {
    listen,
    onUnexpectedError: ({ error, path }) => log.error('call failed', { path, err: error }),
  };
}
