import { WakeLoop, type Faults, type PondhawkError } from '@pondhawk/core';
import { toStorageError } from '@pondhawk/storage';
import type { Piece } from './copy.js';

interface Waiting {
  readonly piece: Piece;
  readonly resolve: (piece: Piece) => void;
  readonly reject: (error: unknown) => void;
}

/** What commits need of the store. */
export interface PieceSink {
  /** Makes all bytes written so far durable. */
  syncBytes(): Promise<void>;
  /** Writes the rows, durable. @throws if the copy is no longer filling. */
  insertPieces(pieces: readonly Piece[]): void;
  /** Whether space may have come free after a write that found none. */
  makeSpace(): Promise<boolean>;
}

/**
 * Makes pieces durable in the order bytes, row: a row that survives a power cut has its bytes.
 *
 * Pieces that become ready during one `fdatasync` share the next one and its transaction, so that
 * the cost is per batch, not per piece.
 */
export class PieceCommits {
  private syncFailure: PondhawkError | undefined; // Of the first sync that failed; none is tried after it.
  private waiting: Waiting[] = []; // At most the number of pieces downloaded at once.
  private readonly committing = new WakeLoop(() => this.run());

  constructor(
    private readonly sink: PieceSink,
    private readonly faults: Faults,
  ) {}

  /** Resolves when the piece's bytes and then its row are on disk. */
  commit(piece: Piece): Promise<Piece> {
    const done = new Promise<Piece>((resolve, reject) => {
      this.waiting.push({ piece, resolve, reject });
    });
    this.committing.wake();
    return done;
  }

  /** Resolves when nothing is being committed. */
  async idle(): Promise<void> {
    await this.committing.idle();
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      try {
        await this.syncBytes();
        this.faults.reach('peer.fill.piece-written');
        await this.insert(batch.map(({ piece }) => piece));
        this.faults.reach('peer.fill.piece-row');
        for (const { piece, resolve } of batch) resolve(piece);
      } catch (error) {
        const failure = toStorageError(error);
        for (const { reject } of batch) reject(failure);
      }
    }
  }

  /**
   * A system may forget what it could not write, and say of the next sync that it went well: bytes of
   * this file that were not durable before the failure have to be written again, by another fill.
   */
  private async syncBytes(): Promise<void> {
    if (this.syncFailure !== undefined) throw this.syncFailure;
    try {
      await this.sink.syncBytes();
    } catch (error) {
      this.syncFailure = toStorageError(error);
      throw this.syncFailure;
    }
  }

  private async insert(pieces: readonly Piece[]): Promise<void> {
    try {
      this.sink.insertPieces(pieces);
    } catch (error) {
      if (toStorageError(error).code !== 'DISK_FULL' || !(await this.sink.makeSpace())) throw error;
      this.sink.insertPieces(pieces);
    }
  }
}
