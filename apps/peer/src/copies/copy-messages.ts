import type { dfdaemonV2 } from '@pondhawk/contracts';
import type { Copy } from './copy.js';

/** A copy as every daemon of the family tells of it. */
export function toStatLocalTask(
  copy: Copy,
  uses: { readonly readers: number; readonly served: number },
): dfdaemonV2.StatLocalTaskResponse {
  return {
    taskId: copy.taskId,
    pieceLength: BigInt(copy.pieceLength),
    contentLength: copy.contentLength === undefined ? undefined : BigInt(copy.contentLength),
    responseHeader: {},
    uploadingCount: BigInt(uses.readers),
    uploadedCount: BigInt(uses.served),
    createdAt: new Date(copy.createdAtMs),
    updatedAt: new Date(copy.updatedAtMs),
    prefetchedAt: undefined,
    failedAt: undefined,
    finishedAt: dateOf(copy.finishedAtMs),
  };
}

function dateOf(unixMs: number | undefined): Date | undefined {
  return unixMs === undefined ? undefined : new Date(unixMs);
}
