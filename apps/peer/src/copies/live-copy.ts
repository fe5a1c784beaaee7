import type { CopyId } from '@pondhawk/core';
import { copyPurged } from './copy-errors.js';
import type { Piece } from './copy.js';

/** Told of each piece as it becomes whole, and of the end. */
export interface CopyListener {
  /** A piece's row is durable. */
  onPiece(piece: Piece): void;
  /** The copy is complete, or its fill was given up or closed. */
  onEnd(state: 'complete' | 'stopped'): void;
}

/**
 * What is in memory of a copy in use: who reads and watches it, and the signal that ends them all.
 *
 * The signal is aborted once, in the synchronous turn in which the row was marked purged.
 */
export class LiveCopy {
  private readonly controller = new AbortController();
  private readonly listeners = new Set<CopyListener>();
  /** Open readers; a copy with any is being served. */
  readers = 0;
  /** Reads ended since the start of the daemon. */
  served = 0;

  constructor(readonly copyId: CopyId) {}

  /** Aborted when the copy is purged. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Whether nobody reads or watches it. */
  get isIdle(): boolean {
    return this.readers === 0 && this.listeners.size === 0;
  }

  /** @returns how to stop listening. */
  listen(listener: CopyListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  announcePieces(pieces: readonly Piece[]): void {
    for (const listener of [...this.listeners]) {
      for (const piece of pieces) listener.onPiece(piece);
    }
  }

  announceEnd(state: 'complete' | 'stopped'): void {
    for (const listener of [...this.listeners]) listener.onEnd(state);
  }

  /** Ends everybody who has to do with it. */
  purge(): void {
    this.controller.abort(copyPurged(this.copyId));
    this.announceEnd('stopped');
    this.listeners.clear();
  }
}
