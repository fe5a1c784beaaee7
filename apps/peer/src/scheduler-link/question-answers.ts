/** What this host answers when its home asks on the stream. */

import {
  LISTED_BYTES_MAX,
  LISTED_COPIES_MAX,
  LISTED_TASK_IDS_MAX,
  pondhawkV1,
} from '@pondhawk/contracts';
import { InvalidArgumentError, parseTaskId, PondhawkError, toError } from '@pondhawk/core';
import { toCopyRecord, type Copy, type SqliteCopies } from '../copies/index.js';

type Rows = Pick<SqliteCopies, 'findByTask' | 'listComplete' | 'storedBytes'>;

/** Never throws: what goes wrong is an answer too. */
export function answerQuestion(
  rows: Rows,
  { id, question }: pondhawkV1.SyncQuestion,
): pondhawkV1.SyncAnswer {
  const nothing = { id, copies: [], totalCount: 0n, code: '', message: '' };
  try {
    switch (question?.$case) {
      case 'getTask':
        return { ...nothing, ...findTask(rows, question.value) };
      case 'listTasks':
        return { ...nothing, ...listTasks(rows, question.value.taskIds) };
      case undefined:
        return { ...nothing, code: 'QUESTION_UNKNOWN', message: 'This host is too old for it.' };
    }
  } catch (thrown) {
    const error = toError(thrown);
    const code = error instanceof PondhawkError ? error.code : 'INTERNAL';
    return { ...nothing, code, message: error.message };
  }
}

function findTask(rows: Rows, rawTaskId: string): Partial<pondhawkV1.SyncAnswer> {
  const taskId = parseTaskId(rawTaskId);
  const copy = rows.findByTask(taskId, 'complete') ?? rows.findByTask(taskId, 'filling');
  return copy === undefined ? {} : { copies: [describe(rows, copy)], totalCount: 1n };
}

function listTasks(rows: Rows, taskIds: readonly Buffer[]): Partial<pondhawkV1.SyncAnswer> {
  const { copies, totalCount } =
    taskIds.length === 0 ? rows.listComplete(LISTED_COPIES_MAX) : findComplete(rows, taskIds);
  const records: pondhawkV1.CopyRecord[] = [];
  let bytes = 0;
  for (const copy of copies) {
    const record = describe(rows, copy);
    bytes += pondhawkV1.CopyRecord.encode(record).finish().length;
    if (bytes > LISTED_BYTES_MAX) break;
    records.push(record);
  }
  return { copies: records, totalCount: BigInt(totalCount) };
}

/** Sorted by task id, like all lists. @throws InvalidArgumentError for ids that are none, or too many. */
function findComplete(
  rows: Rows,
  rawIds: readonly Buffer[],
): { readonly copies: readonly Copy[]; readonly totalCount: number } {
  if (rawIds.length > LISTED_TASK_IDS_MAX) {
    throw new InvalidArgumentError(
      'TOO_MANY_TASKS',
      `A question may name at most ${LISTED_TASK_IDS_MAX} tasks.`,
    );
  }
  const ids = [...new Set(rawIds.map((id) => parseTaskId(id.toString('hex'))))].sort();
  const copies = ids.flatMap((id) => rows.findByTask(id, 'complete') ?? []);
  return { copies, totalCount: copies.length };
}

/** Without pieces: who asks wants to know what is here, not what it must hash to. */
function describe(rows: Rows, copy: Copy): pondhawkV1.CopyRecord {
  const isComplete = copy.state === 'complete';
  const storedBytes = isComplete ? (copy.contentLength ?? 0) : rows.storedBytes(copy.copyId);
  return { ...toCopyRecord(copy, []), storedBytes: BigInt(storedBytes) };
}
