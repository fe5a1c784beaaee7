/** A daemon on a unix socket that says what the test wants. */

import {
  commonV2,
  CONTENT_CHUNKS_KEY,
  CONTENT_LENGTH_KEY,
  DELETE_OUTCOME_KEY,
  dfdaemonV2,
  type Empty,
  formatDeleteOutcome,
  pondhawkV1,
} from '@pondhawk/contracts';
import { NotFoundError } from '@pondhawk/core';
import { GrpcServer, Metadata, type CallContext } from '@pondhawk/rpc';

/** How the daemon answers. */
export interface FakeDaemonBehaviour {
  content: Buffer;
  /** Length told at the start, if another than the content's. */
  toldLength?: number;
  isLengthUnknown?: boolean;
  /** The copy was whole before the call. */
  isHere?: boolean;
  /** Thrown after so many chunks. */
  failure?: {
    readonly afterChunks: number;
    readonly error: Error;
    /** Only the first downloads fail. Default: all. */
    readonly times?: number;
  };
  /** Hangs after the first chunk until the call ends. */
  hangs?: boolean;
  /** Told before the first chunk is sent. */
  beforeContent?: () => Promise<void>;
  copies: pondhawkV1.CopyRecord[];
  /** Undefined: an older daemon. */
  serving?: pondhawkV1.ServingState;
}

const CHUNK_BYTES = 1000;

/** Serves DfdaemonDownload and Local as far as the CLI uses them. */
export class FakeDaemon {
  readonly downloads: commonV2.Download[] = [];
  readonly deleted: string[] = [];
  /** Set when a download's call ended before its content did. */
  wasCancelled = false;
  private readonly server: GrpcServer;

  constructor(
    readonly socketPath: string,
    readonly behaviour: FakeDaemonBehaviour,
  ) {
    this.server = new GrpcServer({
      listen: { socketPath },
      onUnexpectedError: ({ error }) => {
        throw error;
      },
    });
  }

  async start(): Promise<void> {
    const unused = (): Promise<never> =>
      Promise.reject(new NotFoundError('NOT_FAKED', 'The CLI does not call this.'));
    this.server.addService(dfdaemonV2.DfdaemonDownloadService, {
      downloadTask: (request, call) => this.download(request, call),
      statLocalTask: unused,
      listLocalTasks: unused,
      deleteTask: (request, call) => this.remove(request, call),
      deleteLocalTask: (request, call) => this.remove(request, call),
    });
    this.server.addService(pondhawkV1.LocalService, {
      listCopies: ({ taskId }) => this.list(taskId),
    });
    await this.server.start();
  }

  async stop(): Promise<void> {
    await this.server.stop(1000);
  }

  private async *download(
    request: dfdaemonV2.DownloadTaskRequest,
    call: CallContext,
  ): AsyncGenerator<dfdaemonV2.DownloadTaskResponse> {
    const { behaviour } = this;
    if (request.download !== undefined) this.downloads.push(request.download);
    if (call.metadata.get(CONTENT_CHUNKS_KEY)[0] !== '1')
      throw new Error('Chunks are not asked for.');
    this.sendLength(call);
    yield answer({
      $case: 'downloadTaskStartedResponse',
      value: dfdaemonV2.DownloadTaskStartedResponse.fromPartial({
        isFinished: behaviour.isHere === true,
        contentLength: BigInt(
          behaviour.isLengthUnknown === true
            ? 0
            : (behaviour.toldLength ?? behaviour.content.length),
        ),
      }),
    });
    await behaviour.beforeContent?.();
    let count = 0;
    for (let offset = 0; offset < behaviour.content.length; offset += CHUNK_BYTES) {
      this.failAfter(count);
      yield chunk(behaviour.content, offset);
      count += 1;
      if (behaviour.hangs === true) await this.hang(call.signal);
    }
  }

  private failAfter(chunkCount: number): void {
    const { failure } = this.behaviour;
    const isFailing = this.downloads.length <= (failure?.times ?? Infinity);
    if (failure?.afterChunks === chunkCount && isFailing) throw failure.error;
  }

  private sendLength(call: CallContext): void {
    if (this.behaviour.isLengthUnknown !== true) return;
    const metadata = new Metadata();
    metadata.set(CONTENT_LENGTH_KEY, 'unknown');
    call.sendMetadata(metadata);
    call.trailers.set(CONTENT_LENGTH_KEY, String(this.behaviour.content.length));
  }

  private async hang(signal: AbortSignal): Promise<void> {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.wasCancelled = true;
  }

  private async remove({ taskId }: { taskId: string }, call: CallContext): Promise<Empty> {
    this.deleted.push(taskId);
    const isHere = this.behaviour.copies.some((copy) => copy.taskId === taskId);
    const outcome = isHere
      ? { outcome: 'deleted' as const, copies: 1, deleted_bytes: 5 }
      : { outcome: 'absent' as const, copies: 0, deleted_bytes: 0 };
    call.trailers.set(DELETE_OUTCOME_KEY, formatDeleteOutcome(outcome));
    return Promise.resolve({});
  }

  private async *list(taskId: string): AsyncGenerator<pondhawkV1.ListCopiesResponse> {
    await Promise.resolve();
    yield { copies: [], serving: this.behaviour.serving };
    for (const copy of this.behaviour.copies) {
      if (taskId === '' || taskId === copy.taskId) yield { copies: [copy], serving: undefined };
    }
  }
}

function answer(
  response: dfdaemonV2.DownloadTaskResponse['response'],
): dfdaemonV2.DownloadTaskResponse {
  return { hostId: 'h', taskId: 'ab'.repeat(32), peerId: 'p', response };
}

function chunk(content: Buffer, offset: number): dfdaemonV2.DownloadTaskResponse {
  const piece = commonV2.Piece.fromPartial({
    offset: BigInt(offset),
    content: content.subarray(offset, offset + CHUNK_BYTES),
    trafficType: commonV2.TrafficType.REMOTE_PEER,
  });
  return answer({ $case: 'downloadPieceFinishedResponse', value: { piece } });
}
