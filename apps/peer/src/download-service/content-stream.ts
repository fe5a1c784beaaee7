import type { Copy, CopyStore, Piece } from '../copies/index.js';
import { countPieces } from '@pondhawk/pieces';

/**
 * The pieces of a copy in order of number, each once it is whole: of a complete copy at once, of one
 * that is being filled as they come.
 */
export class ContentStream {
  private wake: () => void = () => undefined; // Ends the wait for the next piece.
  private hasEnded = false;
  private readonly unlisten: () => void;

  constructor(
    private readonly copies: CopyStore,
    private readonly copy: Copy,
  ) {
    this.unlisten = copies.listen(copy.copyId, {
      onPiece: () => this.wake(),
      onEnd: () => {
        this.hasEnded = true;
        this.wake();
      },
    });
  }

  /**
   * Ends after the last piece, or when the fill has ended otherwise: ask for `isComplete` then.
   *
   * @throws the signal's reason when it aborts.
   */
  async *pieces(signal: AbortSignal): AsyncGenerator<Piece> {
    const wake = (): void => this.wake();
    signal.addEventListener('abort', wake);
    try {
      for (let number = 0; ;) {
        signal.throwIfAborted();
        const piece = this.copies.findPiece(this.copy.copyId, number);
        if (piece !== undefined) {
          yield piece;
          number += 1;
        } else if (this.hasEnded || this.isPast(number)) return;
        else await new Promise<void>((resolve) => (this.wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.unlisten();
    }
  }

  private isPast(number: number): boolean {
    const copy = this.copies.findCopy(this.copy.copyId);
    if (copy === undefined || copy.state !== 'filling') return true;
    const { contentLength, pieceLength } = copy;
    return contentLength !== undefined && number >= countPieces(contentLength, pieceLength);
  }
}
