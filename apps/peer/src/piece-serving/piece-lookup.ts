import {
  VortexErrorCode,
  type DownloadPiece,
  type GuardedDownloadPiece,
} from '@pondhawk/contracts';
import { isTaskId, parseCopyId } from '@pondhawk/core';
import type { Copy, CopyStore, Piece } from '../copies/index.js';

/** What a request is answered with: a piece, or an error. */
export type LookupResult =
  | { readonly kind: 'found'; readonly copy: Copy; readonly piece: Piece; readonly applied: number }
  | { readonly kind: 'refused'; readonly code: VortexErrorCode; readonly text: string };

/**
 * Finds the piece a request asks for.
 *
 * A guarded request names the copy and where the asking fill stands in the purge log; it is answered
 * only under the same log epoch, by a host that has applied at least as much, from that very copy.
 */
export function lookUpPiece(
  copies: CopyStore,
  request: DownloadPiece | GuardedDownloadPiece,
): LookupResult {
  if (!isTaskId(request.taskId)) return refused(VortexErrorCode.InvalidArgument, 'invalid task id');
  const position = copies.getLogPosition();
  if (request.kind === 'download-piece') {
    const found = findPlain(copies, request);
    return found === undefined
      ? refused(VortexErrorCode.NotFound, 'no such piece')
      : { kind: 'found', ...found, applied: position.seq };
  }
  const copy = copies.findCopy(parseCopyId(request.copyId));
  if (copy === undefined || copy.state === 'purged' || copy.taskId !== request.taskId) {
    return refused(VortexErrorCode.Gone, 'no such copy');
  }
  if (position.logEpoch !== request.logEpoch || position.seq < request.filledAt) {
    return refused(VortexErrorCode.Behind, `applied ${position.seq}`);
  }
  const piece = copies.findPiece(copy.copyId, request.pieceNumber);
  return piece === undefined
    ? refused(VortexErrorCode.NotFound, 'no such piece')
    : { kind: 'found', copy, piece, applied: position.seq };
}

function findPlain(
  copies: CopyStore,
  request: DownloadPiece,
): { copy: Copy; piece: Piece } | undefined {
  if (!isTaskId(request.taskId)) return undefined;
  for (const copy of [copies.findComplete(request.taskId), copies.findFilling(request.taskId)]) {
    const piece = copy && copies.findPiece(copy.copyId, request.pieceNumber);
    if (copy !== undefined && piece !== undefined) return { copy, piece };
  }
  return undefined;
}

function refused(code: VortexErrorCode, text: string): LookupResult {
  return { kind: 'refused', code, text };
}
