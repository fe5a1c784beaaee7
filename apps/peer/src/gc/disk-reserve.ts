import { open, stat, truncate } from 'node:fs/promises';
import { errnoOf } from '@pondhawk/core';

/** Room for the database to mark and delete some hundred copies on a disk without a free byte. */
export const RESERVE_BYTES = 1024 * 1024;

/**
 * A file of zeros that is given up when the disk is full, because deleting needs space itself: a
 * copy is marked in the database before its file goes.
 */
export class DiskReserve {
  constructor(private readonly path: string) {}

  /** Takes the space, if it is not taken yet and there is as much. */
  async take(): Promise<void> {
    if ((await this.size()) >= RESERVE_BYTES) return;
    try {
      const handle = await open(this.path, 'w', 0o640);
      try {
        await handle.writeFile(Buffer.alloc(RESERVE_BYTES));
      } finally {
        await handle.close();
      }
    } catch (error) {
      // As much as there was is reserved; the next collection tries again.
      if (errnoOf(error) !== 'ENOSPC') throw error;
    }
  }

  /** Gives the space back to the disk. */
  async giveUp(): Promise<void> {
    if ((await this.size()) > 0) await truncate(this.path, 0);
  }

  private async size(): Promise<number> {
    try {
      return (await stat(this.path)).size;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return 0;
      throw error;
    }
  }
}
