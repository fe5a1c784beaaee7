import { HeldTask, TEXT_LENGTH_MAX, URL_LENGTH_MAX, type pondhawkV1 } from '@pondhawk/contracts';
import { parseTaskId } from '@pondhawk/core';
import { checkLength, toTimeMs, toWhole } from '../announcing/swarm-messages.js';

/**
 * What a report says of a copy.
 *
 * @throws InvalidArgumentError (`INVALID_TASK_ID`, `TEXT_TOO_LONG`, `NUMBER_TOO_LARGE`) for what no
 *   report may carry: one such copy would have the whole report refused.
 */
export function toHeldTask(record: pondhawkV1.CopyRecord): HeldTask {
  return Object.assign(new HeldTask(), {
    id: parseTaskId(record.taskId),
    url: checkLength(record.url, 'url', URL_LENGTH_MAX),
    tag: checkLength(record.tag, 'tag', TEXT_LENGTH_MAX),
    application: checkLength(record.application, 'application', TEXT_LENGTH_MAX),
    state: record.state === 'filling' ? ('filling' as const) : ('complete' as const),
    content_length: toWhole(record.contentLength, 'content_length'),
    finished_bytes: toWhole(record.storedBytes, 'stored_bytes'),
    piece_length: toWhole(record.pieceLength, 'piece_length'),
    created_at_ms: toTimeMs(record.createdAt),
    updated_at_ms: toTimeMs(record.updatedAt),
    ...(record.finishedAt && { finished_at_ms: toTimeMs(record.finishedAt) }),
  });
}
