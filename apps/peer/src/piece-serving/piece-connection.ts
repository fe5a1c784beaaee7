import type { Socket } from 'node:net';
import {
  VortexErrorCode,
  VortexReader,
  encodeVortexPacket,
  formatCrc32Digest,
  type DownloadPiece,
  type GuardedDownloadPiece,
  type PieceMetadata,
  type VortexAnswer,
  type VortexMessage,
} from '@pondhawk/contracts';
import { DataCorruptionError, UnavailableError, toError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import { CopyPurgedError, type Copy, type CopyStore, type Piece } from '../copies/index.js';
import { type LookupResult, lookUpPiece } from './piece-lookup.js';
import { sendPiece, type PieceSenderParts } from './piece-sender.js';

/** A request must be whole this long after its first byte, and the first one after the connection. */
export const REQUEST_TIMEOUT_MS = 10_000;
/** A connection on which nothing moves in either direction for this long is destroyed. */
export const PROGRESS_TIMEOUT_MS = 30_000;
/** Requests taken from one connection before it is read on. */
const REQUESTS_WAITING_MAX = 64;

/** What connections share. */
export interface PieceConnectionParts extends PieceSenderParts {
  readonly copies: CopyStore;
  readonly log: Log;
  /** Whether nothing of a copy may go to other hosts. Default: never. */
  readonly isBlocked?: (copy: Copy) => boolean;
  readonly requestTimeoutMs: number;
  readonly progressTimeoutMs: number;
  /** Told of each answer, for metrics. */
  readonly onAnswered: (outcome: PieceOutcome) => void;
}

/** How a piece request was answered; `behind` and `no_lease` are refusals too. */
export type PieceOutcome = (typeof PIECE_OUTCOMES)[number];
/** @see PieceOutcome */
export const PIECE_OUTCOMES = [
  'served',
  'refused',
  'corrupt',
  'purged',
  'behind',
  'no_lease',
] as const;

type PieceRequest = DownloadPiece | GuardedDownloadPiece;

/**
 * One connection of a child. Requests are answered one after the other; while one is being answered
 * nothing more is read, so a child cannot make this host hold its requests.
 *
 * Ends with the socket: closed by the child, destroyed for a timeout, a malformed packet, a purge of
 * the copy being sent, the end of this host's lease while a piece is sent, or a piece that is broken on disk.
 */
export class PieceConnection {
  private readonly vortex = new VortexReader('client');
  private readonly gone = new AbortController();
  private readonly waiting: { id: number; request: PieceRequest }[] = [];
  private requestTimer: NodeJS.Timeout | undefined; // Set while a request is due.
  private isAnswering = false;

  constructor(
    private readonly socket: Socket,
    private readonly parts: PieceConnectionParts,
  ) {}

  /** Begins to read. */
  start(): void {
    const { socket, parts } = this;
    socket.setNoDelay(true);
    socket.setTimeout(parts.progressTimeoutMs, () => socket.destroy());
    socket.on('error', () => undefined); // 'close' follows.
    socket.on('close', () => {
      clearTimeout(this.requestTimer);
      this.gone.abort(new UnavailableError('CHILD_GONE', 'The child closed its connection.'));
    });
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    this.expectRequest();
  }

  private expectRequest(): void {
    this.requestTimer ??= setTimeout(() => this.socket.destroy(), this.parts.requestTimeoutMs);
  }

  private receive(chunk: Buffer): void {
    try {
      for (const event of this.vortex.feed(chunk)) {
        if (event.kind === 'message') this.take(event.id, event.message);
      }
    } catch (error) {
      this.parts.log.debug('malformed piece request', { err: error });
      this.refuse(0, { code: VortexErrorCode.InvalidArgument, text: toError(error).message });
      this.socket.destroySoon();
      return;
    }
    if (this.vortex.isBetweenPackets) this.stopTimer();
    else this.expectRequest();
    if (!this.isAnswering) void this.answerAll();
  }

  private take(id: number, message: VortexMessage): void {
    this.stopTimer();
    if (message.kind === 'close') {
      this.socket.destroySoon();
    } else if (message.kind === 'download-piece' || message.kind === 'guarded-download-piece') {
      if (this.waiting.length >= REQUESTS_WAITING_MAX) this.socket.destroy();
      else this.waiting.push({ id, request: message });
    }
  }

  private stopTimer(): void {
    clearTimeout(this.requestTimer);
    this.requestTimer = undefined;
  }

  private async answerAll(): Promise<void> {
    this.isAnswering = true;
    this.socket.pause();
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      if (this.socket.destroyed) break;
      await this.answer(next.id, next.request);
    }
    this.isAnswering = false;
    this.socket.resume();
  }

  private async answer(id: number, request: PieceRequest): Promise<void> {
    try {
      const isLeased = this.parts.gate.isOpen;
      const found = isLeased ? this.lookUp(request) : withoutLease(request);
      if (found.kind === 'refused') {
        const isBehind = found.code === VortexErrorCode.Behind;
        this.parts.onAnswered(isLeased ? (isBehind ? 'behind' : 'refused') : 'no_lease');
        this.refuse(id, found);
        return;
      }
      const { copy, piece } = found;
      const message: VortexAnswer =
        request.kind === 'download-piece'
          ? { kind: 'piece-content', metadata: metadataOf(piece) }
          : {
              kind: 'guarded-piece-content',
              metadata: metadataOf(piece),
              applied: found.applied,
            };
      await this.send({ copy, piece, header: encodeVortexPacket({ id, message }) });
    } catch (error) {
      this.fail(id, request, error);
    }
  }

  private lookUp(request: PieceRequest): LookupResult {
    const found = lookUpPiece(this.parts.copies, request);
    if (found.kind === 'refused' || this.parts.isBlocked?.(found.copy) !== true) return found;
    return { kind: 'refused', code: VortexErrorCode.NotFound, text: 'uploads are blocked' };
  }

  private async send(what: { copy: Copy; piece: Piece; header: Buffer }): Promise<void> {
    const reader = await this.parts.copies.openForReading(what.copy.copyId);
    // In the turn of the mark, or of the lease's end, so that not one byte more leaves.
    const cut = (): void => void this.socket.destroy();
    reader.signal.addEventListener('abort', cut);
    const unlisten = this.parts.gate.onClosed(cut);
    try {
      const { piece, header } = what;
      await sendPiece(
        { socket: this.socket, reader, piece, header, signal: this.gone.signal },
        this.parts,
      );
      this.parts.onAnswered('served');
    } catch (error) {
      if (error instanceof DataCorruptionError) this.forgetCorrupt(what, error);
      // Bytes may have left already: the child can only be told by the end of the connection.
      this.socket.destroy();
      if (!(error instanceof DataCorruptionError)) throw error;
    } finally {
      reader.signal.removeEventListener('abort', cut);
      unlisten();
      await reader.close();
    }
  }

  private forgetCorrupt({ copy, piece }: { copy: Copy; piece: Piece }, err: Error): void {
    this.parts.onAnswered('corrupt');
    this.parts.copies.dropPiece(copy.copyId, piece.number);
    const { taskId, copyId } = copy;
    this.parts.log.error('piece is corrupt on disk', { taskId, copyId, err });
  }

  private fail(id: number, request: PieceRequest, error: unknown): void {
    if (error instanceof CopyPurgedError) {
      this.parts.onAnswered('purged');
      const isGuarded = request.kind === 'guarded-download-piece';
      const code = isGuarded ? VortexErrorCode.Gone : VortexErrorCode.NotFound;
      this.refuse(id, { code, text: 'no such piece' });
    } else if (error instanceof UnavailableError && error.code === 'LEASE_LOST') {
      this.parts.onAnswered('no_lease');
    } else if (!(error instanceof UnavailableError && error.code === 'CHILD_GONE')) {
      this.parts.log.warn('piece not served', { err: error });
      this.refuse(id, { code: VortexErrorCode.Internal, text: 'the piece cannot be read' });
    }
  }

  private refuse(id: number, { code, text }: { code: VortexErrorCode; text: string }): void {
    if (this.socket.destroyed || !this.socket.writable) return;
    this.socket.write(encodeVortexPacket({ id, message: { kind: 'error', code, text } }));
  }
}

/** A foreign child knows no lease: for it there is nothing here at the moment. */
function withoutLease({ kind }: PieceRequest): LookupResult {
  return kind === 'guarded-download-piece'
    ? { kind: 'refused', code: VortexErrorCode.NoLease, text: 'no lease' }
    : { kind: 'refused', code: VortexErrorCode.NotFound, text: 'no such piece' };
}

function metadataOf(piece: Piece): PieceMetadata {
  return {
    number: piece.number,
    offset: piece.offset,
    length: piece.length,
    digest: formatCrc32Digest(piece.crc32),
    parentId: piece.parentId ?? '',
    trafficType: piece.parentId === undefined ? TRAFFIC_BACK_TO_SOURCE : TRAFFIC_REMOTE_PEER,
    costSeconds: 0,
    createdAtSeconds: Math.floor(piece.createdAtMs / 1000),
  };
}

const TRAFFIC_BACK_TO_SOURCE = 0;
const TRAFFIC_REMOTE_PEER = 1;
