import {
  DELETE_OUTCOME_KEY,
  PURGE_KEY,
  formatDeleteOutcome,
  type Empty,
  type dfdaemonV2,
} from '@pondhawk/contracts';
import { parsePurgeNumber, parseTaskId } from '@pondhawk/core';
import type { CallContext, MethodHandler } from '@pondhawk/rpc';
import { toStatLocalTask, type CopyStore } from '../copies/index.js';
import type { TaskDeletion } from '../deletion/index.js';
import { taskNotFound } from './piece-sync.js';
import { purgeTask, type PurgeTaskParts } from './purge-task.js';

type DownloadTask = MethodHandler<dfdaemonV2.DfdaemonUploadService['downloadTask']>;

/** Carries out DownloadTask, the same on both listeners. */
export abstract class DownloadTasks {
  /** @see dfdaemon.v2 */
  abstract downloadTask(...call: Parameters<DownloadTask>): ReturnType<DownloadTask>;
  /** Ends every download; what is whole of them stays for the next start. */
  abstract stop(): Promise<void>;
}

/** What this host has of a task. @throws NotFoundError (`TASK_NOT_FOUND`), InvalidArgumentError (`INVALID_TASK_ID`). */
export function statLocalTask(
  copies: CopyStore,
  request: dfdaemonV2.StatLocalTaskRequest,
): dfdaemonV2.StatLocalTaskResponse {
  const taskId = parseTaskId(request.taskId);
  const copy = copies.findServable(taskId);
  if (copy === undefined) throw taskNotFound(taskId);
  return toStatLocalTask(copy, copies.usesOf(copy.copyId));
}

/** Who answers (R10): this start of the daemon, and the identity of its data folder's lock. */
export interface DaemonFacts {
  readonly incarnation: string;
  readonly folderLock: string;
}

/**
 * Deletes a task on this host; that nothing was there is a success, told in the trailers.
 *
 * @throws InvalidArgumentError (`INVALID_TASK_ID`, `INVALID_PURGE_NUMBER`), and what `TaskDeletion.deleteTask`
 *   or, with a number, `purgeTask` throws.
 */
export async function deleteTask(
  deletion: TaskDeletion,
  call: {
    readonly taskId: string;
    readonly announce: boolean;
    readonly context: CallContext;
    /** On listeners that take numbered deletions. */
    readonly purge?: PurgeTaskParts & { readonly daemon: DaemonFacts };
  },
): Promise<Empty> {
  const taskId = parseTaskId(call.taskId);
  const purge = call.context.metadata.get(PURGE_KEY)[0];
  const receipt =
    purge === undefined || call.purge === undefined
      ? await deletion.deleteTask(taskId, { announce: call.announce })
      : await purgeTask(call.purge, parsePurgeNumber(purge.toString()), taskId);
  call.context.trailers.set(
    DELETE_OUTCOME_KEY,
    formatDeleteOutcome({
      outcome: receipt.outcome,
      copies: receipt.copies,
      deleted_bytes: receipt.deletedBytes,
      ...(call.purge && {
        incarnation: call.purge.daemon.incarnation,
        folder_lock: call.purge.daemon.folderLock,
      }),
    }),
  );
  return {};
}
