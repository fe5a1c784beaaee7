/** What hosts are asked on their streams, and what their answers mean. */

import { LISTED_BYTES_MAX, LISTED_COPIES_MAX, type HeldTask } from '@pondhawk/contracts';
import { PondhawkError, InvalidArgumentError, toError, type TaskId } from '@pondhawk/core';
import type { HostConnection } from '../fleet/host-connection.js';
import { toHeldTask } from '../inventory/held-task.js';
import type { HostAnswer } from './host-caller.js';

/** A host that has not answered on its stream by then is called instead. */
export const QUESTION_TIMEOUT_MS = 3_000;

/** What of a stream is needed to ask on it. */
export type AskedConnection = Pick<HostConnection, 'questions'>;

/** What a host lists, or why it does not. */
export type HostList =
  | {
      readonly outcome: 'answered';
      readonly tasks: HeldTask[];
      /** How many copies the host has; more than are listed if the list was cut. */
      readonly totalCount: number;
    }
  | { readonly outcome: 'failed'; readonly code: string; readonly message: string };

/** Asks a host for its copy of a task. @returns undefined if it gave no answer that can be used: it is to be called. */
export async function askForTask(
  { questions }: AskedConnection,
  taskId: TaskId,
  timeoutMs: number,
): Promise<HostAnswer | undefined> {
  try {
    const { copies, code } = await questions.ask({ $case: 'getTask', value: taskId }, timeoutMs);
    if (code !== '') return undefined;
    const [record] = copies;
    if (record === undefined) return { outcome: 'absent' };
    const task = toHeldTask(record);
    return task.id === taskId ? { outcome: 'answered', task } : undefined;
  } catch {
    return undefined; // Silent, gone, or it speaks nonsense; the call tells which.
  }
}

/**
 * Asks a host for its complete copies. Never rejects: what goes wrong is an answer too.
 *
 * @param taskIds of these tasks alone; absent: all. A host that is too old lists all, of which these are kept.
 */
export async function askForList(
  { questions }: AskedConnection,
  { timeoutMs, taskIds }: { readonly timeoutMs: number; readonly taskIds?: readonly string[] },
): Promise<HostList> {
  try {
    const value = { taskIds: (taskIds ?? []).map((id) => Buffer.from(id, 'hex')) };
    const answer = await questions.ask({ $case: 'listTasks', value }, timeoutMs);
    const { copies, code, message } = answer;
    if (code !== '') return failed(code, message);
    if (copies.length > LISTED_COPIES_MAX) {
      throw new InvalidArgumentError(
        'INVENTORY_TOO_LONG',
        `The host listed more than ${LISTED_COPIES_MAX} copies.`,
      );
    }
    const wanted = taskIds === undefined ? undefined : new Set(taskIds);
    const held = copies.map(toHeldTask).filter(({ id }) => wanted?.has(id) !== false);
    const isAll = copies.length === Number(answer.totalCount);
    const tasks = cutToBytes(held);
    return {
      outcome: 'answered',
      tasks,
      totalCount: isAll ? held.length : Number(answer.totalCount),
    };
  } catch (thrown) {
    const error = toError(thrown);
    const code = error instanceof PondhawkError ? error.code : 'HOST_FAILED';
    return failed(code, error.message);
  }
}

/** As many as fit into a report beside others. */
function cutToBytes(tasks: HeldTask[]): HeldTask[] {
  let bytes = 0;
  const end = tasks.findIndex((task) => {
    bytes += Buffer.byteLength(JSON.stringify(task));
    return bytes > LISTED_BYTES_MAX;
  });
  return end < 0 ? tasks : tasks.slice(0, end);
}

const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;
const MESSAGE_LENGTH_MAX = 1_024;

/** What a host says goes into a report: neither its code nor its text may have that refused. */
function failed(code: string, message: string): HostList {
  return {
    outcome: 'failed',
    code: CODE.test(code) ? code : 'HOST_FAILED',
    message: message.slice(0, MESSAGE_LENGTH_MAX),
  };
}
