import { CONTENT_CHUNKS_KEY, CONTENT_LENGTH_KEY, type dfdaemonV2 } from '@pondhawk/contracts';
import { ConflictError, type CopyId, DataCorruptionError, UnavailableError } from '@pondhawk/core';
import { type ContentDigest, formatContentDigest } from '@pondhawk/pieces';
import type { CallContext } from '@pondhawk/rpc';
import type { Copy, CopyReader, CopyStore, Piece } from '../copies/index.js';
import {
  type DownloadSpec,
  type FillEngine,
  type Source,
  checkWholeDigest,
  orAborted,
  parseDownload,
} from '../fill/index.js';
import type { ServingGate } from '../lease/index.js';
import { CHUNK_BYTES } from '../piece-serving/index.js';
import type { Admission, BlockLists } from '../scheduler-link/index.js';
import { DownloadTasks } from '../upload-service/index.js';
import { contentGuard } from './content-guard.js';
import { ContentStream } from './content-stream.js';
import type { PassThrough } from './pass-through.js';
import {
  type DownloadResponse,
  pieceResponse,
  startedResponse,
  unknownLength,
} from './responses.js';

type Response = dfdaemonV2.DownloadTaskResponse;

/** What the service works with. */
export interface DownloadServiceParts {
  readonly copies: CopyStore;
  readonly fills: FillEngine;
  readonly hostId: string;
  readonly admission: Admission;
  readonly blocks: Pick<BlockLists, 'requireDownload'>;
  readonly gate: ServingGate;
  readonly passThrough: PassThrough;
  /** Deletes a copy that is not what it should be. */
  readonly discard: (copyId: CopyId) => Promise<void>;
}

/**
 * `DownloadTask`, for people on this machine and for schedulers that trigger a seed peer: joins or
 * begins the fill and tells, in order, of each piece that is whole, with its bytes if asked for.
 * A caller that leaves ends nothing but its own stream. Without a lease the download passes through
 * from the origin; one that loses its lease midway ends with `LEASE_LOST`.
 */
export class DownloadService extends DownloadTasks {
  constructor(private readonly parts: DownloadServiceParts) {
    super();
  }

  async *downloadTask(
    { download }: dfdaemonV2.DownloadTaskRequest,
    context: CallContext,
  ): AsyncGenerator<Response> {
    this.parts.admission.require();
    const spec = parseDownload(download);
    this.parts.blocks.requireDownload({ ...spec, priority: spec.message.priority });
    const signal = signalOf(spec, context);
    if (!this.parts.gate.isOpen) {
      const responses = this.parts.passThrough.run(spec, context, signal);
      for await (const response of responses) yield this.respond(spec, response);
      return;
    }
    const source = this.parts.fills.join(spec);
    const copy = await this.contentOf(source, signal);
    if (copy.contentLength === undefined) context.sendMetadata(unknownLength());
    const { contentLength, state } = copy;
    yield this.respond(spec, startedResponse({ contentLength, isFinished: state === 'complete' }));
    yield* this.content({ spec, copy, context, signal });
    const final = await this.finalCopy({ source, copy, signal });
    await this.checkDigest(spec, final);
    context.trailers.set(CONTENT_LENGTH_KEY, String(final.contentLength ?? 0));
  }

  /** Ends every fill; what is whole of them stays for the next start. */
  async stop(): Promise<void> {
    await this.parts.fills.stop();
  }

  private async contentOf(source: Source, signal: AbortSignal): Promise<Copy> {
    return source.kind === 'copy' ? source.copy : orAborted(source.run.content(), signal);
  }

  private async *content(input: {
    readonly spec: DownloadSpec;
    readonly copy: Copy;
    readonly context: CallContext;
    readonly signal: AbortSignal;
  }): AsyncGenerator<Response> {
    const { spec, copy, context, signal } = input;
    // A caller that does not ask for chunks is a foreign one, which counts on whole pieces.
    const isChunked = context.metadata.get(CONTENT_CHUNKS_KEY)[0]?.toString() === '1';
    const chunkBytesMax = isChunked ? CHUNK_BYTES : Infinity;
    // Held from here, as what is known of a deleted copy goes with it.
    const purged = this.parts.copies.signalOf(copy.copyId);
    purged.throwIfAborted();
    if (spec.needPieceContent) context.guardAnswers(contentGuard(this.parts.gate, purged));
    const stream = new ContentStream(this.parts.copies, copy);
    const reader = spec.needPieceContent
      ? await this.parts.copies.openForReading(copy.copyId)
      : undefined;
    try {
      for await (const piece of stream.pieces(signal)) {
        if (reader === undefined) yield this.respond(spec, pieceResponse(piece));
        else {
          for await (const part of partsOf(piece, reader, chunkBytesMax)) {
            yield this.respond(spec, part);
          }
        }
      }
      // A copy that is deleted ends its pieces as one that is whole does.
      purged.throwIfAborted();
    } finally {
      await reader?.close();
    }
  }

  /** The copy as it ended. @throws what the fill failed with; ConflictError (`ORIGIN_CHANGED`) if it ended as another copy than the one told of. */
  private async finalCopy(input: {
    readonly source: Source;
    readonly copy: Copy;
    readonly signal: AbortSignal;
  }): Promise<Copy> {
    const { source, copy, signal } = input;
    const final = source.kind === 'copy' ? copy : await orAborted(source.run.finished, signal);
    if (final.copyId === copy.copyId) return final;
    throw new ConflictError(
      'ORIGIN_CHANGED',
      'The content changed at the origin during the download; ask again.',
    );
  }

  /** Another caller may have begun the fill without a digest, or with another one. */
  private async checkDigest({ digest }: DownloadSpec, copy: Copy): Promise<void> {
    if (digest === undefined || copy.digest === formatContentDigest(digest)) return;
    const reader = await this.parts.copies.openForReading(copy.copyId);
    try {
      await checkWholeDigest((into, at) => reader.read(into, at), digest);
    } catch (error) {
      if (isUnproven(copy, digest) && error instanceof DataCorruptionError) {
        await reader.close();
        await this.parts.discard(copy.copyId);
      }
      throw error;
    } finally {
      await reader.close();
    }
  }

  private respond(spec: DownloadSpec, response: DownloadResponse): Response {
    return { hostId: this.parts.hostId, taskId: spec.taskId, peerId: '', response };
  }
}

/** Whether nobody has proved the copy right by a digest of the same kind. */
function isUnproven(copy: Copy, digest: ContentDigest): boolean {
  return copy.digest?.startsWith(`${digest.algorithm}:`) !== true;
}

async function* partsOf(
  piece: Piece,
  reader: CopyReader,
  chunkBytesMax: number,
): AsyncGenerator<DownloadResponse> {
  const step = Math.min(piece.length, chunkBytesMax);
  for (let at = 0; at < piece.length; at += step) {
    const length = Math.min(step, piece.length - at);
    const content = Buffer.allocUnsafe(length);
    const offset = piece.offset + at;
    const bytes = await reader.read(content, { position: offset, length });
    if (bytes !== length) {
      throw new DataCorruptionError('CONTENT_CUT_OFF', 'A piece on disk is shorter than its row.');
    }
    yield pieceResponse(piece, { offset, content });
  }
}

function signalOf(spec: DownloadSpec, context: CallContext): AbortSignal {
  if (spec.timeoutMs === undefined) return context.signal;
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort(
      new UnavailableError('DEADLINE_EXCEEDED', 'The download took longer than its timeout.'),
    );
  }, spec.timeoutMs);
  timer.unref();
  return AbortSignal.any([context.signal, timeout.signal]);
}
