import { setTimeout as delay } from 'node:timers/promises';
import type { commonV2, dfdaemonV2 } from '@pondhawk/contracts';
import type { CallContext, ServiceHandlers } from '@pondhawk/rpc';
import type { TaskDeletion } from '../deletion/index.js';
import type { Admission } from '../scheduler-link/index.js';
import { syncPieces, type PieceSyncParts } from './piece-sync.js';
import type { PurgeTaskParts } from './purge-task.js';
import { deleteTask, statLocalTask, type DaemonFacts, type DownloadTasks } from './task-calls.js';

/** How often a watching child is told of this host. */
export const HOST_INTERVAL_MS = 10_000;

/** What the service works with. */
export interface UploadServiceParts extends PieceSyncParts, PurgeTaskParts {
  readonly deletion: TaskDeletion;
  readonly downloads: DownloadTasks;
  readonly admission: Admission;
  readonly describeHost: () => commonV2.Host;
  readonly daemon: DaemonFacts;
}

/** `dfdaemon.v2.DfdaemonUpload`: what other machines may ask of this host. */
export function uploadService(
  parts: UploadServiceParts,
): ServiceHandlers<dfdaemonV2.DfdaemonUploadService> {
  return {
    downloadTask: (request, context) => parts.downloads.downloadTask(request, context),
    statLocalTask: (request) => answer(() => statLocalTask(parts.copies, request)),
    deleteTask: ({ taskId }, context) =>
      deleteTask(parts.deletion, { taskId, announce: true, context, purge: parts }),
    syncPieces: (request, context) => {
      parts.admission.require();
      return syncPieces(request, context, parts);
    },
    syncHost: (_request, context) => watchHost(parts.describeHost, context),
  };
}

async function* watchHost(
  describeHost: () => commonV2.Host,
  { signal }: CallContext,
): AsyncGenerator<commonV2.Host> {
  while (!signal.aborted) {
    yield describeHost();
    await delay(HOST_INTERVAL_MS, undefined, { signal, ref: false });
  }
}

/** A synchronous answer as a handler gives it: a throw becomes a rejection. */
function answer<T>(compute: () => T): Promise<T> {
  return new Promise((resolve) => resolve(compute()));
}
