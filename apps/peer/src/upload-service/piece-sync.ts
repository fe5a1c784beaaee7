import {
  COPY_ID_KEY,
  FILLED_AT_KEY,
  LOG_ID_KEY,
  PIECES_KEY,
  PIECE_PORT_KEY,
  type dfdaemonV2,
} from '@pondhawk/contracts';
import { InvalidArgumentError, NotFoundError, parseTaskId, type TaskId } from '@pondhawk/core';
import { Metadata, type CallContext } from '@pondhawk/rpc';
import type { Copy, CopyStore, Piece } from '../copies/index.js';

/** Numbers a child may name; a copy of the smallest pieces with more of them would be 4 TiB. */
export const INTERESTED_PIECES_MAX = 1_048_576;
/** Room for that many numbers, at most 5 bytes each, or 6 from a client that does not pack them. */
export const SYNC_REQUEST_BYTES_MAX = 8 * 1024 * 1024;

/** Where this host serves pieces. */
export interface PieceAddress {
  readonly ip: string;
  readonly port: number;
}

/** What the answer needs. */
export interface PieceSyncParts {
  readonly copies: CopyStore;
  readonly clusterId: number;
  /** Read at each call, because the port is known only once it is bound. */
  readonly address: () => PieceAddress;
  /** Whether nothing of a copy may go to other hosts. */
  readonly isBlocked: (copy: Copy) => boolean;
}

/**
 * Tells a child which of the pieces it wants are here: what is there first, then each as it becomes
 * whole. No number named means all. Ends when all named were told, or no more can come. The initial metadata
 * tell the copy and where it was begun, and in any case where pieces are served.
 *
 * @throws InvalidArgumentError (`INVALID_TASK_ID`, `TOO_MANY_PIECES`); NotFoundError (`TASK_NOT_FOUND`),
 *   also in the middle, when the copy is deleted.
 */
export async function* syncPieces(
  request: dfdaemonV2.SyncPiecesRequest,
  context: CallContext,
  parts: PieceSyncParts,
): AsyncGenerator<dfdaemonV2.SyncPiecesResponse> {
  const taskId = parseTaskId(request.taskId);
  if (request.interestedPieceNumbers.length > INTERESTED_PIECES_MAX) {
    throw new InvalidArgumentError(
      'TOO_MANY_PIECES',
      `interested_piece_numbers must name at most ${INTERESTED_PIECES_MAX} pieces.`,
      { details: { field: 'interested_piece_numbers' } },
    );
  }
  const stored = parts.copies.findServable(taskId);
  const copy = stored === undefined || parts.isBlocked(stored) ? undefined : stored;
  context.sendMetadata(aboutPieces(copy, parts));
  if (copy === undefined) throw taskNotFound(taskId);
  const feed = new PieceFeed(parts.copies, copy, request.interestedPieceNumbers);
  try {
    for await (const piece of feed.pieces(context.signal)) {
      yield toResponse(piece, parts.address());
    }
  } finally {
    feed.close();
  }
}

/** The error for a task of which nothing is here. */
export function taskNotFound(taskId: TaskId): NotFoundError {
  return new NotFoundError('TASK_NOT_FOUND', 'This host holds nothing of the task.', {
    details: { taskId },
  });
}

/** Pieces of one copy, each once, as they become whole. */
class PieceFeed {
  private readonly wanted: Set<number> | undefined; // Undefined: all.
  private readonly told = new Set<number>();
  private ready: Piece[] = [];
  private isEnded = false;
  private wake: () => void = () => undefined;
  private readonly unlisten: () => void;

  constructor(
    private readonly copies: CopyStore,
    private readonly copy: Copy,
    interested: readonly number[],
  ) {
    this.wanted = interested.length === 0 ? undefined : new Set(interested);
    // Before the rows are read, so that no piece falls between.
    this.unlisten = copies.listen(copy.copyId, {
      onPiece: (piece) => this.add(piece),
      onEnd: () => this.end(),
    });
  }

  async *pieces(signal: AbortSignal): AsyncGenerator<Piece> {
    const purged = this.copies.signalOf(this.copy.copyId);
    const wake = (): void => this.wake();
    signal.addEventListener('abort', wake);
    try {
      for (const piece of this.copies.piecesOf(this.copy.copyId)) this.add(piece);
      const fill = this.copies.findFill(this.copy.taskId);
      if (fill?.copyId !== this.copy.copyId) this.end();
      for (;;) {
        signal.throwIfAborted();
        if (purged.aborted) throw taskNotFound(this.copy.taskId);
        const next = this.ready.shift();
        if (next !== undefined) yield next;
        else if (this.isEnded || this.wanted?.size === 0) return;
        else await new Promise<void>((resolve) => (this.wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  close(): void {
    this.unlisten();
  }

  private add(piece: Piece): void {
    const { number } = piece;
    if (this.told.has(number) || this.wanted?.has(number) === false) return;
    this.told.add(number);
    this.wanted?.delete(number);
    this.ready.push(piece);
    this.wake();
  }

  private end(): void {
    this.isEnded = true;
    this.wake();
  }
}

function aboutPieces(copy: Copy | undefined, { clusterId, address }: PieceSyncParts): Metadata {
  const metadata = new Metadata();
  metadata.set(PIECE_PORT_KEY, String(address().port));
  if (copy === undefined) return metadata;
  metadata.set(PIECES_KEY, '1');
  metadata.set(FILLED_AT_KEY, String(copy.filledAt));
  metadata.set(COPY_ID_KEY, copy.copyId);
  metadata.set(LOG_ID_KEY, `${clusterId}.${copy.logEpoch}`);
  return metadata;
}

function toResponse(piece: Piece, address: PieceAddress): dfdaemonV2.SyncPiecesResponse {
  return {
    number: piece.number,
    offset: BigInt(piece.offset),
    length: BigInt(piece.length),
    ip: address.ip,
    tcpPort: address.port,
    quicPort: undefined,
  };
}
