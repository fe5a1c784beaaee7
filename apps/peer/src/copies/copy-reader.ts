import { errnoOf } from '@pondhawk/core';
import { toStorageError, type DiskFile } from '@pondhawk/storage';
import { copyNotFound, copyPurged } from './copy-errors.js';
import type { Copy } from './copy.js';
import type { LiveCopy } from './live-copy.js';

/**
 * Reads one copy; from its making to `close` the copy counts as being served. Readers of one copy
 * share one descriptor.
 */
export class CopyReader {
  private isClosed = false;

  constructor(
    readonly copy: Copy,
    private readonly live: LiveCopy,
    private readonly handle: DiskFile,
    private readonly release: () => Promise<void>,
  ) {}

  /** Aborted in the synchronous turn in which the copy is marked purged. */
  get signal(): AbortSignal {
    return this.live.signal;
  }

  /**
   * Fills the start of `buffer` with up to `length` bytes from `position`.
   *
   * @returns bytes read; fewer than asked only at the end of the file.
   * @throws CopyPurgedError once the copy is purged, also if that came during the read.
   */
  async read(
    buffer: Buffer,
    at: { readonly position: number; readonly length: number },
  ): Promise<number> {
    this.check();
    let total = 0;
    try {
      while (total < at.length) {
        const { bytesRead } = await this.handle.read(
          buffer,
          total,
          at.length - total,
          at.position + total,
        );
        if (bytesRead === 0) break;
        total += bytesRead;
      }
    } catch (error) {
      this.check();
      throw toStorageError(error);
    }
    this.check();
    return total;
  }

  /** Ends the use; the last reader closes the file. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await this.release();
  }

  private check(): void {
    if (this.signal.aborted || this.isClosed) throw copyPurged(this.copy.copyId);
  }
}

/** One descriptor of a content file, shared by all who read it and closed after the last. */
export class SharedFile {
  private users = 0;

  private constructor(private readonly opening: Promise<DiskFile>) {}

  static open(open: () => Promise<DiskFile>): SharedFile {
    const opening = open();
    opening.catch(() => undefined); // Every user awaits it and gets the failure.
    return new SharedFile(opening);
  }

  /** @throws NotFoundError (`COPY_NOT_FOUND`) if there is no such file. */
  async use(copy: Copy): Promise<DiskFile> {
    this.users += 1;
    try {
      return await this.opening;
    } catch (error) {
      this.users -= 1;
      if (errnoOf(error) === 'ENOENT') throw copyNotFound(copy.copyId);
      throw toStorageError(error);
    }
  }

  /** @returns whether that was the last user; then the file is closed. */
  async release(): Promise<boolean> {
    this.users -= 1;
    if (this.users > 0) return false;
    await (await this.opening).close(); // Waits for reads under way.
    return true;
  }

  get isUnused(): boolean {
    return this.users === 0;
  }
}
