/** What the daemon of this machine holds. */

import {
  DELETE_OUTCOME_KEY,
  dfdaemonV2,
  parseDeleteOutcome,
  pondhawkV1,
  type DeleteOutcome,
} from '@pondhawk/contracts';
import { callServerStream, callUnary, type Client } from '@pondhawk/rpc';
import { CliError, ExitCode } from '../exit-code.js';

/** A list of copies, or one delete, is answered within this. */
const CALL_TIMEOUT_MS = 30_000;

/** A copy as it is shown; field names as in the JSON of `--json`, times in RFC 3339. */
export interface ShownCopy {
  readonly task_id: string;
  readonly copy_id: string;
  readonly state: string;
  readonly url: string;
  readonly tag: string;
  readonly application: string;
  readonly content_length: number;
  readonly stored_bytes: number;
  readonly piece_length: number;
  readonly piece_count: number;
  readonly etag: string;
  readonly last_modified: string;
  readonly created_at: string | null;
  readonly updated_at: string | null;
  readonly finished_at: string | null;
}

/** Whether the daemon serves its copies now; field names as in the JSON of `--json`. */
export interface ShownServing {
  readonly is_allowed: boolean;
  /** How long its lease still runs; null: it needs none. */
  readonly lease_left_ms: number | null;
  /** It serves on when the lease is over: its cluster allows it. */
  readonly is_waived: boolean;
}

/** What a daemon holds. */
export interface LocalCopies {
  readonly copies: ShownCopy[];
  /** Null: the daemon does not say. */
  readonly serving: ShownServing | null;
}

/** All copies, or those of one task, by task id. */
export async function listCopies(
  client: Client,
  { taskId = '', signal }: { taskId?: string; signal: AbortSignal },
): Promise<LocalCopies> {
  const copies: ShownCopy[] = [];
  let serving: ShownServing | null = null;
  const answers = callServerStream(
    client,
    pondhawkV1.LocalService.listCopies,
    { taskId },
    { timeoutMs: CALL_TIMEOUT_MS, signal },
  );
  for await (const answer of answers) {
    copies.push(...answer.copies.map(toShownCopy));
    if (answer.serving !== undefined) {
      const { isAllowed, leaseLeftMs, isWaived } = answer.serving;
      serving = {
        is_allowed: isAllowed,
        lease_left_ms: leaseLeftMs ?? null,
        is_waived: isWaived,
      };
    }
  }
  copies.sort((a, b) => (a.task_id < b.task_id ? -1 : Number(a.task_id > b.task_id)));
  return { copies, serving };
}

/** The copies of one task. @throws CliError (`TASK_NOT_HERE`) when there is none. */
export async function requireCopies(
  client: Client,
  options: { taskId: string; signal: AbortSignal },
): Promise<ShownCopy[]> {
  const { copies } = await listCopies(client, options);
  if (copies.length > 0) return copies;
  throw new CliError('TASK_NOT_HERE', `This host holds nothing of task ${options.taskId}.`, {
    exitCode: ExitCode.Failed,
    hint: 'pondhawk task ls shows what it holds; pondhawk job create get_task asks all hosts.',
  });
}

/** Deletes a task here and tells the scheduler, or with `isLocal` nobody. `undefined`: the daemon did not say what there was. */
export async function removeTask(
  client: Client,
  { taskId, isLocal, signal }: { taskId: string; isLocal: boolean; signal: AbortSignal },
): Promise<DeleteOutcome | undefined> {
  const service = dfdaemonV2.DfdaemonDownloadService;
  let told: string | undefined;
  await callUnary(
    client,
    isLocal ? service.deleteLocalTask : service.deleteTask,
    { taskId, remoteIp: undefined },
    {
      timeoutMs: CALL_TIMEOUT_MS,
      signal,
      onTrailers: (trailers) => {
        told = trailers.get(DELETE_OUTCOME_KEY)[0]?.toString();
      },
    },
  );
  return parseDeleteOutcome(told);
}

function toShownCopy(copy: pondhawkV1.CopyRecord): ShownCopy {
  return {
    task_id: copy.taskId,
    copy_id: copy.copyId,
    state: copy.state,
    url: copy.url,
    tag: copy.tag,
    application: copy.application,
    content_length: Number(copy.contentLength),
    stored_bytes: Number(copy.storedBytes),
    piece_length: Number(copy.pieceLength),
    piece_count: copy.pieceCount,
    etag: copy.validator?.etag ?? '',
    last_modified: copy.validator?.lastModified ?? '',
    created_at: copy.createdAt?.toISOString() ?? null,
    updated_at: copy.updatedAt?.toISOString() ?? null,
    finished_at: copy.finishedAt?.toISOString() ?? null,
  };
}
