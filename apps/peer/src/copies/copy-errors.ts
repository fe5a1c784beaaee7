import { ConflictError, DataCorruptionError, NotFoundError, type CopyId } from '@pondhawk/core';

/** The copy was purged while it was filled or read: nothing more of it may be written or sent. */
export class CopyPurgedError extends ConflictError {}

/** @returns the error every write of an aborted fill ends with (`FILL_ABORTED`). */
export function fillAborted(copyId: CopyId, reason: string): CopyPurgedError {
  return new CopyPurgedError('FILL_ABORTED', `The fill was ended: ${reason}.`, {
    details: { copyId },
  });
}

/** @returns the error every read of a purged copy ends with (`COPY_PURGED`). */
export function copyPurged(copyId: CopyId): CopyPurgedError {
  return new CopyPurgedError('COPY_PURGED', 'The copy was deleted.', { details: { copyId } });
}

/** @returns `FILL_UNDER_WAY`: a task is filled once at a time on a host. */
export function fillUnderWay(taskId: string): ConflictError {
  return new ConflictError('FILL_UNDER_WAY', 'The task is being filled on this host already.', {
    details: { taskId },
  });
}

/** @returns `COPY_NOT_FOUND`. */
export function copyNotFound(copyId: CopyId): NotFoundError {
  return new NotFoundError('COPY_NOT_FOUND', 'This host has no such copy.', {
    details: { copyId },
  });
}

/** @returns `PIECE_DIGEST_MISMATCH`, `PIECE_LENGTH_MISMATCH` or `FILL_INCOMPLETE`. */
export function corrupt(
  code: 'PIECE_DIGEST_MISMATCH' | 'PIECE_LENGTH_MISMATCH' | 'FILL_INCOMPLETE',
  message: string,
  details: Readonly<Record<string, string | number>>,
): DataCorruptionError {
  return new DataCorruptionError(code, message, { details });
}
