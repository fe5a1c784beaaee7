/** Takes a task's bytes from the daemon and writes them to FILE. */

import { CONTENT_CHUNKS_KEY, CONTENT_LENGTH_KEY, dfdaemonV2, commonV2 } from '@pondhawk/contracts';
import { PondhawkError } from '@pondhawk/core';
import { formatContentDigest, type ContentDigest } from '@pondhawk/pieces';
import { callServerStream, Metadata, type Client } from '@pondhawk/rpc';
import { CliError, ExitCode } from '../exit-code.js';
import { hashFor } from './content-hash.js';
import { PartFile } from './part-file.js';
import type { Progress } from './progress.js';

/** What is to be downloaded, and where to. */
export interface DownloadRequest {
  readonly url: string;
  readonly file: string;
  readonly overwrite: boolean;
  readonly tag?: string | undefined;
  readonly application?: string | undefined;
  readonly digest?: ContentDigest | undefined;
  readonly pieceLengthBytes?: number | undefined;
  readonly header: Readonly<Record<string, string>>;
  readonly filteredQueryParams: readonly string[];
  readonly timeoutMs?: number | undefined;
}

/** What came of it. */
export interface DownloadResult {
  readonly taskId: string;
  readonly sizeBytes: number;
  /** Bytes by where the daemon had them from. */
  readonly sources: { readonly origin: number; readonly peers: number; readonly local: number };
}

/** What a download needs besides its request. */
export interface DownloadTools {
  readonly client: Client;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Monotonic, ms. */
  readonly nowMs: () => number;
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Told before the download is begun anew. */
  readonly onAgain: (reason: Error) => void;
}

/** Downloads begun for one `get`, when the daemon may not go on with one in the middle. */
export const DOWNLOAD_ATTEMPTS_MAX = 3;
/** By then the daemon may have a lease again. */
const AGAIN_PAUSE_MS = 250;

/**
 * Downloads to FILE; on any failure FILE is as it was and no part of it is left. A daemon that loses its
 * lease in the middle may not give the rest: then all is asked for again, within the request's timeout.
 *
 * @throws CliError, or what the daemon says.
 */
export async function download(
  request: DownloadRequest,
  tools: DownloadTools,
): Promise<DownloadResult> {
  const startedAtMs = tools.nowMs();
  for (let attempt = 1; ; attempt += 1) {
    const { timeoutMs } = request;
    const leftMs = timeoutMs && Math.ceil(timeoutMs - (tools.nowMs() - startedAtMs));
    const counted = { bytes: 0 };
    try {
      return await downloadOnce({ ...request, timeoutMs: leftMs }, tools, counted);
    } catch (error) {
      const isOver = attempt === DOWNLOAD_ATTEMPTS_MAX || tools.signal.aborted;
      const isLate = leftMs !== undefined && leftMs <= AGAIN_PAUSE_MS;
      if (isOver || isLate || !isCutOff(error, counted.bytes)) throw error;
      tools.onAgain(error);
      await tools.sleep(AGAIN_PAUSE_MS, tools.signal);
    }
  }
}

/** Whether the daemon ended what it had begun. It says so, or cuts the connection when there is no way to say it. */
function isCutOff(error: unknown, receivedBytes: number): error is PondhawkError {
  if (!(error instanceof PondhawkError)) return false;
  return error.code === 'LEASE_LOST' || (error.code === 'UNAVAILABLE' && receivedBytes > 0);
}

/** @param counted told of the bytes that came. */
async function downloadOnce(
  request: DownloadRequest,
  tools: DownloadTools,
  counted: { bytes: number },
): Promise<DownloadResult> {
  const part = await PartFile.create(request.file, request);
  try {
    const result = await new Transfer(request, tools, part).run();
    await part.publish(request);
    return result;
  } catch (error) {
    counted.bytes = part.sizeBytes;
    await part.discard();
    throw error;
  } finally {
    tools.progress.stop();
  }
}

/** One stream of answers; used once. */
class Transfer {
  private taskId = '';
  private isLengthUnknown = false;
  private isHere = false; // The daemon held the whole copy before it was asked.
  private expectedBytes: number | undefined; // Known from the first answer, or from the trailers.
  private readonly sources = { origin: 0, peers: 0, local: 0 };
  private readonly hash;

  constructor(
    private readonly request: DownloadRequest,
    private readonly tools: DownloadTools,
    private readonly part: PartFile,
  ) {
    this.hash = hashFor(request.digest);
  }

  async run(): Promise<DownloadResult> {
    for await (const answer of this.answers()) {
      this.taskId = answer.taskId;
      if (answer.response?.$case === 'downloadTaskStartedResponse') {
        this.begin(answer.response.value);
      } else if (answer.response !== undefined) {
        await this.take(answer.response.value.piece);
      }
    }
    this.check();
    return { taskId: this.taskId, sizeBytes: this.part.sizeBytes, sources: this.sources };
  }

  private answers(): AsyncIterable<dfdaemonV2.DownloadTaskResponse> {
    const { client, signal } = this.tools;
    const metadata = new Metadata();
    metadata.set(CONTENT_CHUNKS_KEY, '1');
    return callServerStream(
      client,
      dfdaemonV2.DfdaemonDownloadService.downloadTask,
      { download: toDownload(this.request) },
      {
        metadata,
        signal,
        ...(this.request.timeoutMs === undefined ? {} : { timeoutMs: this.request.timeoutMs }),
        onMetadata: (initial) => {
          this.isLengthUnknown = initial.get(CONTENT_LENGTH_KEY)[0] === 'unknown';
        },
        onTrailers: (trailers) => {
          const told = trailers.get(CONTENT_LENGTH_KEY)[0];
          if (told !== undefined && this.isLengthUnknown) this.expectedBytes = Number(told);
        },
      },
    );
  }

  private begin(started: dfdaemonV2.DownloadTaskStartedResponse): void {
    if (!this.isLengthUnknown) this.expectedBytes = Number(started.contentLength);
    this.isHere = started.isFinished;
    this.tools.progress.start(this.expectedBytes);
  }

  private async take(piece: commonV2.Piece | undefined): Promise<void> {
    const content = piece?.content;
    if (piece === undefined || content === undefined) return;
    if (Number(piece.offset) !== this.part.sizeBytes) {
      throw broken(`sent byte ${piece.offset.toString()} when ${this.part.sizeBytes} was due`);
    }
    await this.part.append(content);
    this.hash?.update(content);
    this.sources[this.isHere ? 'local' : sourceOf(piece.trafficType)] += content.length;
    this.tools.progress.update(this.part.sizeBytes);
  }

  private check(): void {
    const { sizeBytes } = this.part;
    if (this.expectedBytes === undefined || sizeBytes !== this.expectedBytes) {
      throw broken(`sent ${sizeBytes} bytes of ${this.expectedBytes ?? 'an unknown number'}`);
    }
    const { digest } = this.request;
    const value = this.hash?.value();
    if (digest !== undefined && value !== digest.value) {
      throw new CliError(
        'DIGEST_MISMATCH',
        `The content has ${digest.algorithm}:${value ?? ''}, not ${formatContentDigest(digest)}.`,
        {
          exitCode: ExitCode.Failed,
          hint: 'Check the digest; if it is right, clear the task with: pondhawk task clear URL.',
        },
      );
    }
  }
}

function toDownload(request: DownloadRequest): commonV2.Download {
  return commonV2.Download.fromPartial({
    url: request.url,
    tag: request.tag,
    application: request.application,
    digest: request.digest === undefined ? undefined : formatContentDigest(request.digest),
    pieceLength:
      request.pieceLengthBytes === undefined ? undefined : BigInt(request.pieceLengthBytes),
    requestHeader: { ...request.header },
    filteredQueryParams: [...request.filteredQueryParams],
    timeout:
      request.timeoutMs === undefined
        ? undefined
        : {
            seconds: BigInt(Math.floor(request.timeoutMs / 1000)),
            nanos: (request.timeoutMs % 1000) * 1_000_000,
          },
    needPieceContent: true,
  });
}

function sourceOf(traffic: commonV2.TrafficType | undefined): keyof DownloadResult['sources'] {
  if (traffic === commonV2.TrafficType.BACK_TO_SOURCE) return 'origin';
  return traffic === commonV2.TrafficType.REMOTE_PEER ? 'peers' : 'local';
}

function broken(what: string): CliError {
  return new CliError('DAEMON_ANSWER_BROKEN', `The daemon ${what}.`, {
    exitCode: ExitCode.Failed,
    hint: 'Try again; if it stays, look into the log of the daemon.',
  });
}
