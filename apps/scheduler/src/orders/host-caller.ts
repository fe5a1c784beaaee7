/** Single calls to a host's peer daemon, and what their answers mean. */

import {
  dfdaemonV2,
  DELETE_OUTCOME_KEY,
  HeldTask,
  parseDeleteOutcome,
  PURGE_KEY,
  type commonV2,
} from '@pondhawk/contracts';
import { NotFoundError, PondhawkError, toError, UnavailableError } from '@pondhawk/core';
import { type DaemonIdentity, saysAbsent } from '@pondhawk/purge';
import { callUnary, Metadata, type ChannelPool } from '@pondhawk/rpc';
import { toTimeMs } from '../announcing/swarm-messages.js';

/** Which daemon answered (R10); foreign ones do not tell. */
export type Speaker = Omit<DaemonIdentity, 'hostId'>;

/** What one call found out. */
export type HostAnswer =
  | {
      readonly outcome: 'deleted';
      readonly deletedBytes: number | undefined;
      readonly speaker?: Speaker | undefined;
    }
  | { readonly outcome: 'absent'; readonly speaker?: Speaker | undefined }
  | { readonly outcome: 'answered'; readonly task: HeldTask }
  | {
      readonly outcome: 'failed';
      readonly code: string;
      readonly message: string;
      readonly isRetryable: boolean;
    };

/** What is asked. */
export interface HostQuestion {
  readonly type: 'delete_task' | 'get_task';
  readonly taskId: string;
  /** Value of the metadata key of purges; with deletions. */
  readonly purge: string | undefined;
}

/** Calls hosts; a port, so that orders can be tried without a network. */
export abstract class HostCaller {
  /** Never rejects: what goes wrong is an answer too. */
  abstract ask(host: commonV2.Host, question: HostQuestion, timeoutMs: number): Promise<HostAnswer>;
}

/** Calls hosts by gRPC, at the address they announced. */
export class GrpcHostCaller extends HostCaller {
  constructor(
    private readonly channels: ChannelPool,
    private readonly ownIp: string,
  ) {
    super();
  }

  async ask(host: commonV2.Host, question: HostQuestion, timeoutMs: number): Promise<HostAnswer> {
    const client = this.channels.get(`${host.ip}:${host.port}`);
    const request = { taskId: question.taskId, remoteIp: this.ownIp };
    try {
      if (question.type === 'get_task') {
        const answer = await callUnary(
          client,
          dfdaemonV2.DfdaemonUploadService.statLocalTask,
          request,
          { timeoutMs },
        );
        return { outcome: 'answered', task: toHeldTask(answer) };
      }
      const metadata = new Metadata();
      if (question.purge !== undefined) metadata.set(PURGE_KEY, question.purge);
      let told: string | undefined;
      await callUnary(client, dfdaemonV2.DfdaemonUploadService.deleteTask, request, {
        timeoutMs,
        metadata,
        onTrailers: (trailers) => (told = trailers.get(DELETE_OUTCOME_KEY)[0]?.toString()),
      });
      const outcome = parseDeleteOutcome(told);
      const { incarnation = '', folder_lock: lock = '' } = outcome ?? {};
      const speaker = { incarnation, lock };
      return outcome?.outcome === 'absent'
        ? { outcome: 'absent', speaker }
        : { outcome: 'deleted', deletedBytes: outcome?.deleted_bytes, speaker };
    } catch (thrown) {
      return describeFailure(toError(thrown), `${host.ip}:${host.port}`, timeoutMs);
    }
  }
}

function describeFailure(error: Error, address: string, timeoutMs: number): HostAnswer {
  if (error instanceof NotFoundError || saysAbsent(error.message)) return { outcome: 'absent' };
  if (error instanceof UnavailableError) {
    return {
      outcome: 'failed',
      code: 'HOST_UNREACHABLE',
      message:
        error.code === 'DEADLINE_EXCEEDED'
          ? `No answer from ${address} within ${Math.ceil(timeoutMs)} ms.`
          : `No connection to ${address}; is its daemon running?`,
      isRetryable: true,
    };
  }
  const code = error instanceof PondhawkError ? error.code : 'HOST_FAILED';
  return {
    outcome: 'failed',
    code,
    message: error.message,
    isRetryable: error instanceof PondhawkError && error.retryable,
  };
}

function toHeldTask(answer: dfdaemonV2.StatLocalTaskResponse): HeldTask {
  const isFinished = answer.finishedAt !== undefined;
  const length = Number(answer.contentLength ?? 0n);
  return Object.assign(new HeldTask(), {
    id: answer.taskId,
    url: '',
    tag: '',
    application: '',
    state: isFinished ? ('complete' as const) : ('filling' as const),
    content_length: length,
    finished_bytes: isFinished ? length : 0,
    piece_length: Number(answer.pieceLength ?? 0n),
    created_at_ms: toTimeMs(answer.createdAt),
    updated_at_ms: toTimeMs(answer.updatedAt),
    ...(answer.finishedAt && { finished_at_ms: toTimeMs(answer.finishedAt) }),
  });
}
