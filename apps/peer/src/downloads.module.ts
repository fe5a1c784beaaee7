import { Module, type DynamicModule } from '@nestjs/common';
import { UnavailableError } from '@pondhawk/core';
import type { PeerRun } from './peer-run.js';
import { DownloadTasks } from './upload-service/index.js';

/** Downloads of tasks, from parents and origins. */
@Module({})
export class DownloadsModule {
  static register(_run: PeerRun, store: DynamicModule): DynamicModule {
    return {
      module: DownloadsModule,
      imports: [store],
      providers: [{ provide: DownloadTasks, useClass: NoDownloads }],
      exports: [DownloadTasks],
    };
  }
}

/** Refuses every download. */
class NoDownloads extends DownloadTasks {
  // eslint-disable-next-line @typescript-eslint/require-await -- refuses at once
  async *downloadTask(): AsyncGenerator<never> {
    throw new UnavailableError('DOWNLOADS_UNAVAILABLE', 'This daemon does not download.');
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
