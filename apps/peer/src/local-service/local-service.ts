import type { dfdaemonV2, pondhawkV1 } from '@pondhawk/contracts';
import { parseTaskId } from '@pondhawk/core';
import type { ServiceHandlers } from '@pondhawk/rpc';
import { toStatLocalTask, type CopyStore } from '../copies/index.js';
import type { TaskDeletion } from '../deletion/index.js';
import type { ServingGate } from '../lease/index.js';
import { toCopyRecord } from '../scheduler-link/copy-record.js';
import { deleteTask, statLocalTask, type DownloadTasks } from '../upload-service/index.js';

/** Copies told in one message; with their pieces a message of small copies stays far below the limit. */
const COPIES_PER_MESSAGE_MAX = 20;

/** What the services of the unix socket work with. */
export interface LocalServiceParts {
  readonly copies: CopyStore;
  readonly deletion: TaskDeletion;
  readonly downloads: DownloadTasks;
}

/** `dfdaemon.v2.DfdaemonDownload`: what people and programs on this machine may ask. */
export function downloadService({
  copies,
  deletion,
  downloads,
}: LocalServiceParts): ServiceHandlers<dfdaemonV2.DfdaemonDownloadService> {
  return {
    downloadTask: (request, context) => downloads.downloadTask(request, context),
    statLocalTask: (request) => new Promise((resolve) => resolve(statLocalTask(copies, request))),
    listLocalTasks: () => Promise.resolve({ tasks: listLocalTasks(copies) }),
    deleteTask: ({ taskId }, context) => deleteTask(deletion, { taskId, announce: true, context }),
    deleteLocalTask: ({ taskId }, context) =>
      deleteTask(deletion, { taskId, announce: false, context }),
  };
}

/** `pondhawk.v1.Local`: what only our own command line asks. */
export function localService({
  copies,
  gate,
}: {
  readonly copies: CopyStore;
  readonly gate: ServingGate;
}): ServiceHandlers<pondhawkV1.LocalService> {
  return { listCopies: (request) => listCopies(copies, gate, request) };
}

/** One entry a task: its complete copy, else the one being filled. */
function listLocalTasks(copies: CopyStore): dfdaemonV2.StatLocalTaskResponse[] {
  const tasks = new Map<string, dfdaemonV2.StatLocalTaskResponse>();
  for (const copy of copies.listCopies()) {
    if (copy.state === 'purged') continue;
    if (copy.state === 'filling' && tasks.has(copy.taskId)) continue;
    tasks.set(copy.taskId, toStatLocalTask(copy, copies.usesOf(copy.copyId)));
  }
  return [...tasks.values()];
}

// eslint-disable-next-line @typescript-eslint/require-await -- a stream, though nothing in it waits
async function* listCopies(
  copies: CopyStore,
  gate: ServingGate,
  request: pondhawkV1.ListCopiesRequest,
): AsyncGenerator<pondhawkV1.ListCopiesResponse> {
  const found =
    request.taskId === ''
      ? copies.listCopies()
      : copies.listByTask(parseTaskId(request.taskId)).values();
  yield { copies: [], serving: servingState(gate) };
  let batch: pondhawkV1.CopyRecord[] = [];
  for (const copy of found) {
    batch.push(toCopyRecord(copy, copies.piecesOf(copy.copyId)));
    if (batch.length < COPIES_PER_MESSAGE_MAX) continue;
    yield { copies: batch, serving: undefined };
    batch = [];
  }
  if (batch.length > 0) yield { copies: batch, serving: undefined };
}

function servingState(gate: ServingGate): pondhawkV1.ServingState {
  const { leaseLeftMs, isWaived } = gate;
  return {
    isAllowed: gate.isOpen,
    leaseLeftMs: leaseLeftMs === Infinity ? undefined : Math.floor(leaseLeftMs),
    isWaived,
  };
}
