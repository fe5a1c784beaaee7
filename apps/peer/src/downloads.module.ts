import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { CopyStore } from './copies/index.js';
import { TaskDeletion } from './deletion/index.js';
import { DownloadService } from './download-service/index.js';
import { FillEngine } from './fill/index.js';
import { AddressGuard, OriginClient } from './origin/index.js';
import { hostIdOf, type PeerRun } from './peer-run.js';
import { RateLimiter } from './rate-limit/index.js';
import { SchedulerLink } from './scheduler-link/index.js';
import { DownloadTasks } from './upload-service/index.js';

/** Downloads of tasks, from parents and origins. */
@Module({})
export class DownloadsModule {
  static register(run: PeerRun, store: DynamicModule): DynamicModule {
    return {
      module: DownloadsModule,
      imports: [store],
      providers: [fillEngine(run), downloadTasks(run)],
      exports: [DownloadTasks],
    };
  }
}

function fillEngine({ config, clock, faults, log }: PeerRun): Provider {
  const { download, origin } = config;
  return {
    provide: FillEngine,
    useFactory: (copies: CopyStore, link: SchedulerLink) =>
      new FillEngine({
        copies,
        link,
        origin: new OriginClient({
          guard: new AddressGuard(origin.allow),
          timeoutMs: origin.timeoutMs,
          maxRedirects: origin.maxRedirects,
        }),
        downloadLimiter: new RateLimiter(download.rateLimitBytesPerSecond, clock),
        originLimiter: new RateLimiter(download.backToSourceRateLimitBytesPerSecond, clock),
        faults,
        random: Math.random,
        concurrentPieceCount: download.concurrentPieceCount,
        log: log.child({ part: 'fill' }),
      }),
    inject: [CopyStore, SchedulerLink],
  };
}

function downloadTasks(run: PeerRun): Provider {
  return {
    provide: DownloadTasks,
    useFactory: (
      copies: CopyStore,
      fills: FillEngine,
      deletion: TaskDeletion,
      { admission }: SchedulerLink,
    ) =>
      new DownloadService({
        copies,
        fills,
        admission,
        hostId: hostIdOf(run.config),
        discard: async (copyId) => {
          await deletion.deleteCopies([copyId], { onlyIdle: false, announce: true });
        },
      }),
    inject: [CopyStore, FillEngine, TaskDeletion, SchedulerLink],
  };
}
