import { type Clock, type CopyId, type Faults, type TaskId } from '@pondhawk/core';
import { toStorageError, type DiskFile } from '@pondhawk/storage';
import { type CopyPurgedError, corrupt, fillAborted } from './copy-errors.js';
import type { Copy, CopyUpdate, Piece } from './copy.js';
import type { LiveCopy } from './live-copy.js';
import { PieceCommits } from './piece-commits.js';
import {
  PieceWriter,
  type ExpectedDigests,
  type PieceSource,
  type PieceTarget,
} from './piece-writer.js';
import type { SqliteCopies } from './sqlite-copies.js';
import type { WriteBuffers } from './write-buffers.js';

/** Frees disk space when a fill finds none. */
export type MakeSpace = () => Promise<boolean>;

/** What a fill works with. */
export interface FillParts {
  readonly copy: Copy;
  readonly pieces: readonly Piece[];
  readonly handle: DiskFile;
  readonly buffers: WriteBuffers;
  readonly live: LiveCopy;
  readonly rows: SqliteCopies;
  readonly clock: Clock;
  readonly faults: Faults;
  /** Whether space may have come free after a write that found none. */
  readonly makeSpace: MakeSpace;
  /** Called once, when the fill has let go of its file. */
  readonly onClosed: (fill: Fill) => void;
  /** Marks the copy purged and removes it. */
  readonly discard: (copyId: CopyId) => Promise<void>;
}

/**
 * The writing of one copy: from its durable row to complete, aborted, purged, or closed.
 *
 * - open: pieces may be written, several at once.
 * - purged: `signal` is aborted in the turn of the mark; every later call throws CopyPurgedError.
 * - complete: the file is on disk and the row says so.
 * - closed without either: the row stays `filling`, and its whole pieces are taken up by a later `resumeFill`.
 */
export class Fill {
  private facts: Copy;
  private readonly byNumber: Map<number, Piece>;
  private readonly commits: PieceCommits;
  private readonly target: PieceTarget;
  private closing: Promise<void> | undefined; // Set once it lets go of its file.

  constructor(private readonly parts: FillParts) {
    this.facts = parts.copy;
    this.byNumber = new Map(parts.pieces.map((piece) => [piece.number, piece]));
    this.commits = new PieceCommits(
      {
        syncBytes: () => this.onDisk((handle) => handle.datasync()),
        insertPieces: (pieces) => this.insertPieces(pieces),
        makeSpace: parts.makeSpace,
      },
      parts.faults,
    );
    this.target = {
      check: () => this.check(),
      write: (bytes, position) => this.write(bytes, position),
      buffers: parts.buffers,
      commit: (piece) => this.commits.commit(piece),
      nowMs: () => parts.clock.nowMs(),
    };
  }

  get taskId(): TaskId {
    return this.facts.taskId;
  }

  get copyId(): CopyId {
    return this.facts.copyId;
  }

  /** The row as it stands. */
  get copy(): Copy {
    return this.facts;
  }

  /** Whole, durable pieces by number. */
  get pieces(): ReadonlyMap<number, Piece> {
    return this.byNumber;
  }

  /** Aborted, with the reason, in the synchronous turn in which the copy is marked purged. */
  get signal(): AbortSignal {
    return this.parts.live.signal;
  }

  /** Adds what was learned of the content. @throws CopyPurgedError if the fill was ended. */
  update(update: CopyUpdate): void {
    this.check();
    const validator = update.validator ?? this.facts.validator;
    if (!this.parts.rows.update(this.copyId, { ...update, validator })) throw this.aborted();
    this.facts = {
      ...this.facts,
      validator,
      pieceLength: update.pieceLength ?? this.facts.pieceLength,
      contentLength: update.contentLength ?? this.facts.contentLength,
    };
  }

  /** Begins a piece; several may be open at once. @throws CopyPurgedError if the fill was ended. */
  openPiece(source: PieceSource): PieceWriter {
    this.check();
    return new PieceWriter({ lengthMax: this.facts.pieceLength, ...source }, this.target);
  }

  /** Writes a whole piece; see `PieceWriter` for what it throws. */
  async writePiece(
    source: PieceSource,
    chunks: AsyncIterable<Buffer>,
    expected: ExpectedDigests = {},
  ): Promise<Piece> {
    const writer = this.openPiece(source);
    for await (const chunk of chunks) await writer.write(chunk);
    return writer.finish(expected);
  }

  /** A piece on disk was found broken: it has to be written again. */
  forget(number: number): void {
    this.byNumber.delete(number);
  }

  /** Reads bytes back, as of pieces that are whole. @returns bytes read, 0 at the end. */
  async read(buffer: Buffer, at: { position: number; length: number }): Promise<number> {
    this.check();
    return this.onDisk(async (handle) => {
      const { bytesRead } = await handle.read(buffer, 0, at.length, at.position);
      return bytesRead;
    });
  }

  /**
   * Ends the fill as complete: all bytes on disk, then the row.
   *
   * @throws CopyPurgedError (`FILL_ABORTED`) if the copy was purged meanwhile.
   * @throws DataCorruptionError (`FILL_INCOMPLETE`) unless the pieces cover 0 to `contentLength`.
   */
  async complete({ contentLength }: { readonly contentLength: number }): Promise<Copy> {
    this.check();
    await this.commits.idle();
    this.checkCovered(contentLength);
    this.parts.faults.reach('peer.fill.last-piece');
    await this.onDisk(async (handle) => {
      await handle.truncate(contentLength); // Bytes of a broken piece may lie behind the end.
      await handle.sync();
    });
    this.check();
    const nowMs = this.parts.clock.nowMs();
    if (!this.parts.rows.complete(this.copyId, { contentLength, nowMs })) throw this.aborted();
    this.facts = {
      ...this.facts,
      contentLength,
      state: 'complete',
      finishedAtMs: nowMs,
      updatedAtMs: nowMs,
    };
    this.parts.faults.reach('peer.fill.completed');
    this.parts.live.announceEnd('complete');
    await this.letGo();
    return this.facts;
  }

  /** Gives the fill up: file and rows are deleted. Does nothing on a fill that has ended. */
  async abort(): Promise<void> {
    if (this.facts.state === 'complete') return;
    await this.parts.discard(this.copyId);
    await this.close();
  }

  /** Lets go of the file; unless complete or purged, a later fill takes up the whole pieces. */
  async close(): Promise<void> {
    if (this.closing === undefined) this.parts.live.announceEnd('stopped');
    await this.letGo();
  }

  /** Whoever calls it waits for the same end: after it the task can be filled anew. */
  private letGo(): Promise<void> {
    this.closing ??= this.release();
    return this.closing;
  }

  private async release(): Promise<void> {
    await this.commits.idle();
    await this.parts.handle.close(); // Waits for writes under way.
    this.parts.onClosed(this);
  }

  private check(): void {
    if (this.hasEnded) throw this.aborted();
  }

  private get hasEnded(): boolean {
    return this.signal.aborted || this.closing !== undefined;
  }

  private aborted(): CopyPurgedError {
    const reason = this.signal.aborted ? 'the copy was deleted' : 'it has ended';
    return fillAborted(this.copyId, reason);
  }

  private insertPieces(pieces: readonly Piece[]): void {
    if (!this.parts.rows.insertPieces(this.copyId, pieces)) throw this.aborted();
    for (const piece of pieces) this.byNumber.set(piece.number, piece);
    this.parts.live.announcePieces(pieces);
  }

  private async write(bytes: Buffer, position: number): Promise<void> {
    const write = async (): Promise<void> =>
      this.onDisk((handle) => writeAll(handle, bytes, position));
    try {
      await write();
    } catch (error) {
      if (toStorageError(error).code !== 'DISK_FULL' || !(await this.parts.makeSpace()))
        throw error;
      this.check();
      await write();
    }
  }

  /** What fails because the fill has ended and let go of its file fails for that reason. */
  private async onDisk<T>(act: (handle: DiskFile) => Promise<T>): Promise<T> {
    try {
      return await act(this.parts.handle);
    } catch (error) {
      throw this.hasEnded ? this.aborted() : toStorageError(error);
    }
  }

  private checkCovered(contentLength: number): void {
    let end = 0;
    for (const piece of [...this.byNumber.values()].sort((a, b) => a.number - b.number)) {
      if (piece.offset !== end) break;
      end += piece.length;
    }
    if (end === contentLength) return;
    throw corrupt('FILL_INCOMPLETE', 'The pieces of the copy do not cover its content.', {
      coveredBytes: end,
      contentLength,
    });
  }
}

async function writeAll(handle: DiskFile, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
