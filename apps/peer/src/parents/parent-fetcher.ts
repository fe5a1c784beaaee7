import { parseCrc32Digest, type PieceMetadata } from '@pondhawk/contracts';
import { DataCorruptionError, PondhawkError, type RandomSource, toError } from '@pondhawk/core';
import type { ExpectedDigests, Fill, Piece, PieceWriter } from '../copies/index.js';
import type { RateLimiter } from '../rate-limit/index.js';
import type { ChangeSignal } from './change-signal.js';
import type { Parent } from './parent.js';
import { PATIENCE_MS, ParentPreference } from './parent-preference.js';
import type { PieceDigests, TrustedPiece } from './piece-digests.js';
import type { PieceReceiver } from './vortex-connection.js';

/** Without a piece from anybody for so long the scheduler is asked for other parents. */
export const PARENTS_STALL_MS_MAX = 10_000;

/** Received pieces that wait for the disk; beyond it no further piece is asked for. */
const COMMITTING_MAX = 8;

/** What fetching from parents works with. */
export interface ParentFetch {
  readonly fill: Fill;
  readonly parents: readonly Parent[];
  readonly digests: PieceDigests;
  readonly change: ChangeSignal;
  readonly limiter: RateLimiter;
  readonly random: RandomSource;
  readonly concurrentPieceCount: number;
  readonly stallMsMax?: number;
  /** Ends the fetching: the copy was purged, or the daemon stops. */
  readonly signal: AbortSignal;
  /** How many pieces the content has; undefined while its length is unknown. */
  readonly pieceCount: () => number | undefined;
  readonly onPiece: (piece: Piece, parent: Parent) => void;
  readonly onPieceFailed: (pieceNumber: number, parent: Parent, error: Error) => void;
}

interface Choice {
  readonly number: number;
  readonly parent: Parent;
  readonly isProbe: boolean;
}

/**
 * Fetches pieces from parents, several at a time, until there is nothing more to be had: all are
 * whole, no usable parent can come to hold another, or nothing came for PARENTS_STALL_MS_MAX.
 *
 * Pieces are taken in random order among those at hand, so that children of one parent soon have
 * different pieces for each other; which parents are asked is ParentPreference's part.
 */
export class ParentFetcher {
  private readonly inFlight = new Set<number>(); // Asked for, and not yet durable.
  private receiving = 0; // Of these, those whose bytes are still coming.
  private readonly preference = new ParentPreference(() => performance.now());
  private failure: Error | undefined; // The fill cannot go on: disk full, purged.

  constructor(private readonly fetch: ParentFetch) {}

  /** @throws what writing to the fill throws: CopyPurgedError, UnavailableError (`DISK_FULL`). */
  async run(): Promise<void> {
    const { change, fill, signal, stallMsMax = PARENTS_STALL_MS_MAX } = this.fetch;
    let changedAtMs = performance.now();
    while (performance.now() - changedAtMs < stallMsMax) {
      if (signal.aborted) this.failure ??= toError(signal.reason);
      this.startMore();
      if (this.failure !== undefined || this.isOver()) break;
      const wholeCount = fill.pieces.size;
      // Not longer than a parent that brings nothing is waited for.
      const changed = await change.wait(Math.min(stallMsMax, PATIENCE_MS));
      const isMoving = changed || fill.pieces.size !== wholeCount || this.inFlight.size > 0;
      if (isMoving) changedAtMs = performance.now();
    }
    while (this.inFlight.size > 0) await change.wait(stallMsMax);
    if (this.failure !== undefined) throw this.failure;
  }

  private isOver(): boolean {
    return this.inFlight.size === 0 && !this.canComeMore();
  }

  private startMore(): void {
    while (this.failure === undefined && this.hasRoom()) {
      const choice = this.choose();
      if (choice === undefined) return;
      this.start(choice);
    }
  }

  /** While pieces become durable, others are received. */
  private hasRoom(): boolean {
    const { concurrentPieceCount } = this.fetch;
    return (
      this.receiving < concurrentPieceCount &&
      this.inFlight.size < concurrentPieceCount + COMMITTING_MAX
    );
  }

  private choose(): Choice | undefined {
    const { parents, random } = this.fetch;
    const isWanted = (number: number): boolean => this.isWanted(number);
    for (const { parent, isProbe } of this.preference.allowed(parents, isWanted)) {
      const wanted = [...parent.pieces].filter(isWanted);
      const number = wanted[Math.floor(random() * wanted.length)];
      if (number !== undefined) return { number, parent, isProbe };
    }
    return undefined;
  }

  private isWanted(number: number): boolean {
    const { fill, digests } = this.fetch;
    if (fill.pieces.has(number) || this.inFlight.has(number)) return false;
    return digests.find(number) !== undefined || digests.noneCanCome;
  }

  /** Whether waiting may bring pieces: parents learn more, get a lease, or digests of what they have may come. */
  private canComeMore(): boolean {
    const { parents, digests, pieceCount, fill } = this.fetch;
    const usable = parents.filter((parent) => parent.isUsable);
    if (usable.length === 0 || fill.pieces.size === pieceCount()) return false;
    if (usable.some((parent) => parent.mayLearnMore)) return true;
    const isWanted = (number: number): boolean => this.isWanted(number);
    if (usable.some((parent) => parent.isResting && [...parent.pieces].some(isWanted))) return true;
    const isMissing = (number: number): boolean => !fill.pieces.has(number);
    return !digests.hasEnded && usable.some((parent) => [...parent.pieces].some(isMissing));
  }

  private start(choice: Choice): void {
    const { number, parent } = choice;
    const { change, onPiece, onPieceFailed } = this.fetch;
    this.inFlight.add(number);
    this.fetchPiece(choice)
      .then((piece) => onPiece(piece, parent))
      .catch((thrown: unknown) => {
        const error = toError(thrown);
        if (isOwnFault(error)) this.failure ??= error;
        else {
          parent.blame(number, error);
          onPieceFailed(number, parent, error);
        }
      })
      .finally(() => {
        this.inFlight.delete(number);
        change.notify();
      });
  }

  private async fetchPiece({ number, parent, isProbe }: Choice): Promise<Piece> {
    const receipt = new PieceReceipt(this.fetch, number, parent.id);
    this.receiving += 1;
    const inFlight = this.preference.started(isProbe);
    try {
      await parent.fetch(number, receipt);
    } finally {
      this.receiving -= 1;
      this.preference.ended(inFlight, receipt.receivedBytes);
      this.fetch.change.notify();
    }
    return receipt.finish();
  }
}

/** A piece on its way from a parent to the disk. */
class PieceReceipt implements PieceReceiver {
  private writer: PieceWriter | undefined;
  private expected: ExpectedDigests = {};

  constructor(
    private readonly fetch: ParentFetch,
    private readonly number: number,
    private readonly parentId: string,
  ) {}

  onMetadata(metadata: PieceMetadata): void {
    const trusted = this.fetch.digests.find(this.number);
    const place = trusted ?? this.foreignPlace(metadata);
    const isAsExpected =
      metadata.number === this.number &&
      metadata.offset === place.offset &&
      metadata.length === place.length;
    if (!isAsExpected) {
      throw new DataCorruptionError(
        'PARENT_ANSWER_INVALID',
        'The parent answered with another piece than the one asked for.',
      );
    }
    this.expected = {
      crc32: place.crc32,
      ...(place.sha256 === undefined ? {} : { sha256: place.sha256 }),
    };
    this.writer = this.fetch.fill.openPiece({
      number: this.number,
      offset: place.offset,
      length: place.length,
      originHostId: place.originHostId,
      parentId: this.parentId,
    });
  }

  async onBytes(bytes: Buffer): Promise<void> {
    const { limiter, signal } = this.fetch;
    const paid = limiter.take(bytes.length, signal);
    if (paid !== undefined) await paid;
    await this.writer?.write(bytes);
  }

  /** Bytes that have come. */
  get receivedBytes(): number {
    return this.writer?.receivedBytes ?? 0;
  }

  async finish(): Promise<Piece> {
    if (this.writer === undefined) {
      throw new DataCorruptionError('PARENT_ANSWER_INVALID', 'The parent sent no piece.');
    }
    return this.writer.finish(this.expected);
  }

  /** Only the parent itself tells of the piece: its crc32 is all there is. */
  private foreignPlace(metadata: PieceMetadata): TrustedPiece {
    const crc32 = parseCrc32Digest(metadata.digest);
    const { pieceLength } = this.fetch.fill.copy;
    if (crc32 === undefined || metadata.length > pieceLength) {
      throw new DataCorruptionError('PARENT_ANSWER_INVALID', 'The parent sent no digest.');
    }
    return {
      number: this.number,
      offset: this.number * pieceLength,
      length: metadata.length,
      crc32,
      sha256: undefined,
      originHostId: '',
    };
  }
}

/** Whether the failure is this host's, not the parent's: the disk, or the copy was purged. */
function isOwnFault(error: Error): boolean {
  if (error.name === 'AbortError') return true;
  if (!(error instanceof PondhawkError)) return false;
  return ['FILL_ABORTED', 'COPY_PURGED', 'DISK_FULL', 'DISK_ERROR', 'DATABASE_BUSY'].includes(
    error.code,
  );
}
