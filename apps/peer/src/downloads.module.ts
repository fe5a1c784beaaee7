import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { LeaseClocks } from '@pondhawk/core';
import { AddressGuard, loadRoots } from '@pondhawk/origin';
import { CopyStore } from './copies/index.js';
import { TaskDeletion } from './deletion/index.js';
import { DownloadService, PassThrough } from './download-service/index.js';
import { FillEngine } from './fill/index.js';
import { PeerMetrics } from './health/index.js';
import { ServingGate } from './lease/index.js';
import { OriginClient } from './origin/index.js';
import { hostIdOf, type PeerRun } from './peer-run.js';
import { RateLimiter } from './rate-limit/index.js';
import { SchedulerLink } from './scheduler-link/index.js';
import { DownloadTasks } from './upload-service/index.js';

/** The way to origins, for fills and for what passes through. */
class OriginAccess {
  constructor(
    readonly client: OriginClient,
    readonly limiter: RateLimiter,
  ) {}
}

/** Downloads of tasks, from parents and origins. */
@Module({})
export class DownloadsModule {
  static register(run: PeerRun, store: DynamicModule): DynamicModule {
    return {
      module: DownloadsModule,
      imports: [store],
      providers: [originAccess(run), fillEngine(run), passThrough(run), downloadTasks(run)],
      exports: [DownloadTasks],
    };
  }
}

function originAccess({ config, clock }: PeerRun): Provider {
  const { download, origin } = config;
  return {
    provide: OriginAccess,
    useFactory: () =>
      new OriginAccess(
        new OriginClient({
          guard: new AddressGuard(origin.allow),
          timeoutMs: origin.timeoutMs,
          maxRedirects: origin.maxRedirects,
          roots: loadRoots(origin.caFile),
        }),
        new RateLimiter(download.backToSourceRateLimitBytesPerSecond, clock),
      ),
  };
}

function passThrough({ clock }: PeerRun): Provider {
  return {
    provide: PassThrough,
    useFactory: (
      { client, limiter }: OriginAccess,
      gate: ServingGate,
      clocks: LeaseClocks,
      metrics: PeerMetrics,
    ) =>
      new PassThrough({
        origin: client,
        limiter,
        gate,
        clocks,
        clock,
        random: Math.random,
        onBegun: () => metrics.passedThrough(),
      }),
    inject: [OriginAccess, ServingGate, LeaseClocks, PeerMetrics],
  };
}

function fillEngine({ config, clock, faults, log }: PeerRun): Provider {
  const { download } = config;
  return {
    provide: FillEngine,
    useFactory: (
      copies: CopyStore,
      link: SchedulerLink,
      origin: OriginAccess,
      metrics: PeerMetrics,
    ) =>
      new FillEngine({
        copies,
        link,
        origin: origin.client,
        downloadLimiter: new RateLimiter(download.rateLimitBytesPerSecond, clock),
        originLimiter: origin.limiter,
        faults,
        random: Math.random,
        concurrentPieceCount: download.concurrentPieceCount,
        log: log.child({ part: 'fill' }),
        onAborted: () => metrics.fillAborted(),
        onParentRefused: (reason) => metrics.parentRefused(reason),
      }),
    inject: [CopyStore, SchedulerLink, OriginAccess, PeerMetrics],
  };
}

function downloadTasks(run: PeerRun): Provider {
  return {
    provide: DownloadTasks,
    // Composition root: the service has as many parts.
    // eslint-disable-next-line max-params
    useFactory: (
      copies: CopyStore,
      fills: FillEngine,
      deletion: TaskDeletion,
      { admission, blocks }: SchedulerLink,
      gate: ServingGate,
      passing: PassThrough,
    ) =>
      new DownloadService({
        copies,
        fills,
        admission,
        blocks,
        gate,
        passThrough: passing,
        hostId: hostIdOf(run.config),
        discard: async (copyId) => {
          await deletion.deleteCopies([copyId], { onlyIdle: false, announce: true });
        },
      }),
    inject: [CopyStore, FillEngine, TaskDeletion, SchedulerLink, ServingGate, PassThrough],
  };
}
