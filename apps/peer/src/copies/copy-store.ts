import { randomBytes } from 'node:crypto';
import {
  parseCopyId,
  type Clock,
  type CopyId,
  type Faults,
  type LogPosition,
  type TaskId,
} from '@pondhawk/core';
import type { DiskFile } from '@pondhawk/storage';
import { copyNotFound, copyPurged, fillUnderWay } from './copy-errors.js';
import { createCopyFile, openForFill, findWholePieces } from './copy-files.js';
import { CopyFolders } from './copy-folders.js';
import type { CopyPlace } from './copy-paths.js';
import { CopyReader, SharedFile } from './copy-reader.js';
import type { Copy, NewCopy, Piece } from './copy.js';
import { Fill, type MakeSpace } from './fill.js';
import { LiveCopy, type CopyListener } from './live-copy.js';
import type { SqliteCopies } from './sqlite-copies.js';
import { WriteBuffers } from './write-buffers.js';

/** What the store works with. */
export interface CopyStoreParts extends CopyPlace {
  readonly rows: SqliteCopies;
  readonly clock: Clock;
  readonly faults: Faults;
}

/**
 * The copies of this host: rows in SQLite, bytes in files, and what of them is in use in memory.
 *
 * A task has at most one fill at a time. Every copy has its own id and file, so that nothing an old
 * fill still writes can be read as a new copy. Deleting goes through `TaskDeletion` alone.
 */
export class CopyStore {
  private readonly live = new Map<CopyId, LiveCopy>(); // Copies used since the start.
  private readonly files = new Map<CopyId, SharedFile>(); // Open for reading.
  private readonly fills = new Map<TaskId, Fill | 'opening'>();
  private readonly opening = new Map<CopyId, Promise<unknown>>(); // Files being made just now.
  private readonly buffers = new WriteBuffers();
  private readonly folders: CopyFolders;
  private uses = new Map<CopyId, number>(); // Times of use not yet in the rows.
  private makeSpace: MakeSpace = () => Promise.resolve(false);
  private discard: (copyId: CopyId) => Promise<void> = () => Promise.resolve();
  private noteChange: (taskId: TaskId) => void = () => undefined;

  constructor(private readonly parts: CopyStoreParts) {
    this.folders = new CopyFolders(parts);
  }

  /**
   * Sets who frees space when a write finds none, who deletes the copy of a fill that is given up, and
   * who is told, in the turn in which it happens, that a copy was begun or marked purged.
   */
  connect(ports: {
    makeSpace?: MakeSpace;
    discard?: (copyId: CopyId) => Promise<void>;
    noteChange?: (taskId: TaskId) => void;
  }): void {
    this.makeSpace = ports.makeSpace ?? this.makeSpace;
    this.discard = ports.discard ?? this.discard;
    this.noteChange = ports.noteChange ?? this.noteChange;
  }

  /** The purge log's epoch and number applied on this host. */
  getLogPosition(): LogPosition {
    return this.parts.rows.readLogPosition();
  }

  /** The complete copy of a task. */
  findComplete(taskId: TaskId): Copy | undefined {
    return this.parts.rows.findByTask(taskId, 'complete');
  }

  /** The copy of a task that is being filled, or was when the daemon ended. */
  findFilling(taskId: TaskId): Copy | undefined {
    return this.parts.rows.findByTask(taskId, 'filling');
  }

  /** What may be served of a task: the complete copy, else the one being filled. */
  findServable(taskId: TaskId): Copy | undefined {
    return this.findComplete(taskId) ?? this.findFilling(taskId);
  }

  /** Any copy by its id, purged ones too. */
  findCopy(copyId: CopyId): Copy | undefined {
    return this.parts.rows.find(copyId);
  }

  /** Copies in order of copy id, after `afterCopyId` ('' from the start), purged ones too, at most COPY_PAGE_MAX. */
  listPage(afterCopyId = ''): Copy[] {
    return this.parts.rows.listPage(afterCopyId);
  }

  /** All copies, page by page. */
  *listCopies(): Generator<Copy> {
    let page = this.listPage();
    while (page.length > 0) {
      yield* page;
      page = this.listPage(page.at(-1)?.copyId);
    }
  }

  /** Every copy of a task, purged ones too. */
  listByTask(taskId: TaskId): Copy[] {
    return this.parts.rows.listByTask(taskId);
  }

  /** Whole pieces of a copy in order of number. */
  piecesOf(copyId: CopyId): Piece[] {
    return this.parts.rows.listPieces(copyId);
  }

  /** A whole piece. */
  findPiece(copyId: CopyId, number: number): Piece | undefined {
    return this.parts.rows.findPiece(copyId, number);
  }

  /** Sum of the lengths of a copy's whole pieces, or of all copies'. */
  storedBytes(copyId?: CopyId): number {
    return this.parts.rows.storedBytes(copyId);
  }

  /** Number of copies that are not purged. */
  countCopies(): number {
    return this.parts.rows.count();
  }

  /** The fill under way of a task. */
  findFill(taskId: TaskId): Fill | undefined {
    const fill = this.fills.get(taskId);
    return fill === 'opening' ? undefined : fill;
  }

  /**
   * Writes the row (with the log position in force now), then makes the file. Ask for the first byte
   * only after this has resolved.
   *
   * @throws ConflictError (`FILL_UNDER_WAY`) if the task is being filled, or was when the daemon
   *   ended: call `resumeFill` first.
   * @throws CopyPurgedError (`COPY_PURGED`) if it was deleted meanwhile; UnavailableError (`DISK_FULL`, `DISK_ERROR`).
   */
  async beginFill(facts: NewCopy): Promise<Fill> {
    const { taskId } = facts;
    if (this.fills.has(taskId)) throw fillUnderWay(taskId);
    const copy = this.newRow(facts);
    if (!this.parts.rows.insert(copy)) throw fillUnderWay(taskId);
    this.noteChange(taskId);
    this.parts.faults.reach('peer.fill.row-written');
    const live = this.liveOf(copy.copyId);
    return this.openFill({ copy, live }, () => createCopyFile(this.parts, this.folders, copy), []);
  }

  /**
   * Takes up the fill that a former run of the daemon, or `close`, left: every piece is read and
   * checked, broken ones are forgotten. A copy whose file is gone is deleted.
   *
   * @returns undefined if there is none.
   * @throws ConflictError (`FILL_UNDER_WAY`), and what `beginFill` throws.
   */
  async resumeFill(taskId: TaskId): Promise<Fill | undefined> {
    if (this.fills.has(taskId)) throw fillUnderWay(taskId);
    const copy = this.findFilling(taskId);
    if (copy === undefined) return undefined;
    const pieces = this.piecesOf(copy.copyId);
    const live = this.liveOf(copy.copyId); // From here on a purge is heard.
    this.fills.set(taskId, 'opening');
    try {
      const handle = await openForFill(this.parts, this.folders, copy);
      if (handle === undefined) {
        if (live.signal.aborted) throw copyPurged(copy.copyId);
        await this.discard(copy.copyId);
        return undefined;
      }
      const whole = await wholePiecesOf({ handle, pieces, signal: live.signal });
      const broken = pieces.filter((piece) => !whole.includes(piece));
      this.parts.rows.deletePieces(
        copy.copyId,
        broken.map(({ number }) => number),
      );
      return await this.openFill({ copy, live }, () => Promise.resolve(handle), whole);
    } finally {
      if (this.fills.get(taskId) === 'opening') this.fills.delete(taskId);
    }
  }

  /**
   * Opens a copy for reading; while the reader is open the copy counts as being served.
   *
   * @throws NotFoundError (`COPY_NOT_FOUND`), CopyPurgedError (`COPY_PURGED`).
   */
  async openForReading(copyId: CopyId): Promise<CopyReader> {
    const copy = this.findCopy(copyId);
    if (copy === undefined) throw copyNotFound(copyId);
    const live = this.liveOf(copyId);
    if (copy.state === 'purged' || live.signal.aborted) throw copyPurged(copyId);
    const file = this.fileOf(copy);
    live.readers += 1; // Before the first await: GC looks at it in its own turn.
    this.touch(copyId);
    const forget = (): void => {
      live.readers -= 1;
      if (file.isUnused && this.files.get(copyId) === file) this.files.delete(copyId);
    };
    const handle = await file.use(copy).catch((error: unknown) => {
      forget();
      // Deleted before the file was open.
      throw live.signal.aborted ? copyPurged(copyId) : error;
    });
    const reader = new CopyReader(copy, live, handle, async () => {
      live.served += 1;
      const closing = file.release();
      forget();
      await closing;
    });
    if (reader.signal.aborted) {
      await reader.close();
      throw copyPurged(copyId);
    }
    return reader;
  }

  /** Listens for pieces as they become whole, and for the end of the fill. @returns how to stop. */
  listen(copyId: CopyId, listener: CopyListener): () => void {
    return this.liveOf(copyId).listen(listener);
  }

  /** Aborted in the synchronous turn in which the copy is marked purged. */
  signalOf(copyId: CopyId): AbortSignal {
    const state = this.live.has(copyId) ? undefined : (this.findCopy(copyId)?.state ?? 'purged');
    return state === 'purged' ? AbortSignal.abort(copyPurged(copyId)) : this.liveOf(copyId).signal;
  }

  /** Readers open now, and reads since the start of the daemon. */
  usesOf(copyId: CopyId): { readonly readers: number; readonly served: number } {
    const live = this.live.get(copyId);
    return { readers: live?.readers ?? 0, served: live?.served ?? 0 };
  }

  /** Whether the copy is being filled or read now. */
  isInUse(copyId: CopyId): boolean {
    const copy = this.findCopy(copyId);
    const isFilled = copy?.state === 'filling' && this.fills.has(copy.taskId);
    return isFilled || this.usesOf(copyId).readers > 0;
  }

  /** Notes a use. In memory until `flushUses`, because a fsync for each read would cost more than the read. */
  touch(copyId: CopyId): void {
    this.uses.set(copyId, this.parts.clock.nowMs());
  }

  /** Writes noted uses into the rows. */
  flushUses(): void {
    const { uses } = this;
    this.uses = new Map();
    if (uses.size > 0) this.parts.rows.touch(uses);
  }

  /** A piece on disk is not what it was: forgets it, so that it is fetched again. */
  dropPiece(copyId: CopyId, number: number): void {
    const copy = this.findCopy(copyId);
    this.parts.rows.deletePieces(copyId, [number]);
    this.parts.rows.reopen(copyId);
    const fill = copy === undefined ? undefined : this.findFill(copy.taskId);
    if (fill?.copyId === copyId) fill.forget(number);
  }

  /**
   * Marks copies purged by `mark`, one transaction, and in the same synchronous turn ends their
   * fills and reads. Only for `TaskDeletion`, which then removes files and rows.
   *
   * @param mark returns the copies that it marked.
   */
  markPurged(mark: () => readonly CopyId[]): readonly CopyId[] {
    const marked = mark();
    if (marked.length === 0) return marked;
    this.parts.faults.reach('peer.delete.marked');
    for (const copyId of marked) {
      this.liveOf(copyId).purge();
      const taskId = this.findCopy(copyId)?.taskId;
      if (taskId !== undefined) this.noteChange(taskId);
    }
    this.parts.faults.reach('peer.delete.aborted');
    return marked;
  }

  /** Resolves when nothing in memory holds these copies' files. */
  async releasePurged(copyId: CopyId, taskId: TaskId): Promise<void> {
    // A file made after its unlink would be an orphan.
    await this.opening.get(copyId);
    const fill = this.findFill(taskId);
    if (fill?.copyId === copyId) await fill.close();
    this.live.delete(copyId);
    this.uses.delete(copyId);
  }

  /** Closes every fill (they stay resumable) and writes noted uses. */
  async stop(): Promise<void> {
    const open = [...this.fills.values()].filter((fill) => fill !== 'opening');
    await Promise.all(open.map((fill) => fill.close()));
    this.flushUses();
  }

  private newRow(facts: NewCopy): Copy {
    const position = this.getLogPosition();
    const nowMs = this.parts.clock.nowMs();
    return {
      ...facts,
      copyId: parseCopyId(randomBytes(16).toString('hex')),
      filteredQueryParams: facts.filteredQueryParams ?? [],
      digest: facts.digest,
      contentLength: facts.contentLength,
      logEpoch: position.logEpoch,
      filledAt: position.seq,
      state: 'filling',
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      finishedAtMs: undefined,
    };
  }

  private async openFill(
    { copy, live }: { readonly copy: Copy; readonly live: LiveCopy },
    openFile: () => Promise<DiskFile>,
    pieces: readonly Piece[],
  ): Promise<Fill> {
    const { rows, clock, faults } = this.parts;
    this.fills.set(copy.taskId, 'opening');
    try {
      const opening = openFile();
      this.opening.set(
        copy.copyId,
        opening.catch(() => undefined), // Whoever waits for it only needs its end.
      );
      const handle = await opening.finally(() => this.opening.delete(copy.copyId));
      const fill = new Fill({
        copy,
        pieces,
        handle,
        buffers: this.buffers,
        live,
        rows,
        clock,
        faults,
        makeSpace: () => this.makeSpace(),
        discard: (copyId) => this.discard(copyId),
        onClosed: (closed) => {
          if (this.fills.get(copy.taskId) === closed) this.fills.delete(copy.taskId);
        },
      });
      if (live.signal.aborted) {
        await fill.close();
        throw copyPurged(copy.copyId);
      }
      this.fills.set(copy.taskId, fill);
      return fill;
    } catch (error) {
      if (this.fills.get(copy.taskId) === 'opening') this.fills.delete(copy.taskId);
      if (!live.signal.aborted) await this.discard(copy.copyId);
      throw error;
    }
  }

  private liveOf(copyId: CopyId): LiveCopy {
    let live = this.live.get(copyId);
    if (live === undefined) {
      live = new LiveCopy(copyId);
      this.live.set(copyId, live);
    }
    return live;
  }

  private fileOf(copy: Copy): SharedFile {
    let file = this.files.get(copy.copyId);
    if (file === undefined) {
      const { disk, paths } = this.parts;
      file = SharedFile.open(() => disk.open(paths.copy(copy.taskId, copy.copyId), 'read'));
      this.files.set(copy.copyId, file);
    }
    return file;
  }
}

/** Those that are whole; the file is closed when they cannot be read. */
async function wholePiecesOf(input: {
  readonly handle: DiskFile;
  readonly pieces: readonly Piece[];
  readonly signal: AbortSignal;
}): Promise<Piece[]> {
  try {
    return await findWholePieces(input);
  } catch (error) {
    await input.handle.close();
    throw error;
  }
}
