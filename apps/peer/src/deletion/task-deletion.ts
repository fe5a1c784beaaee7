import { toError, type CopyId, type Faults, type TaskId } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import { toStorageError } from '@pondhawk/storage';
import type { CopyPlace, CopyStore, PurgedCopy, SqliteCopies } from '../copies/index.js';
import { pruneEmpty, removeDurably, unlinkContent } from './content-removal.js';
import type { DeletionAnnouncer } from './deletion-announcer.js';

/** What a deletion did on this host. */
export interface DeletionReceipt {
  readonly outcome: 'deleted' | 'absent';
  /** Copies whose file and rows are gone by this deletion. */
  readonly copies: number;
  /** Bytes of their whole pieces. */
  readonly deletedBytes: number;
}

/** What the deletion works with. */
export interface TaskDeletionParts extends CopyPlace {
  readonly copies: CopyStore;
  readonly rows: SqliteCopies;
  readonly announcer: DeletionAnnouncer;
  readonly faults: Faults;
  readonly log: Log;
}

/**
 * The only way by which content leaves this host.
 *
 * 1. In the turn of the call: one transaction marks the copies purged; their fills, reads and uploads end.
 * 2. Files are unlinked and the folder is synced. 3. Rows are deleted. 4. The receipt; then the schedulers are told.
 *
 * A crash after 1 leaves marked rows, which the next start finishes. A file that cannot be unlinked
 * keeps its marked row, so that it is tried again by the next start and the next deletion.
 */
export class TaskDeletion {
  private readonly running = new Map<TaskId, Promise<DeletionReceipt>>();

  constructor(private readonly parts: TaskDeletionParts) {}

  /**
   * Deletes every copy of a task and tells the schedulers. A call during another for the same task
   * joins it, unless a copy was begun in between.
   *
   * @throws InvariantError (`UNLINK_FAILED`); UnavailableError (`DISK_FULL`, `DISK_ERROR`, `DATABASE_BUSY`).
   */
  async deleteTask(taskId: TaskId, options: { announce: boolean }): Promise<DeletionReceipt> {
    // No await before the mark: what is served after this call began would be served too late.
    const { copies } = this.parts;
    try {
      const present = copies.listByTask(taskId).filter(({ state }) => state !== 'purged');
      const marked = copies.markPurged(() =>
        this.parts.rows.markPurged(present.map(({ copyId }) => copyId)),
      );
      return await this.run(taskId, { hasMarked: marked.length > 0, announce: options.announce });
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /**
   * Deletes these copies. With `onlyIdle`, those that are filled or read in this very turn stay.
   *
   * @returns the bytes freed. @throws as `deleteTask`.
   */
  async deleteCopies(
    copyIds: readonly CopyId[],
    options: { readonly onlyIdle: boolean; readonly announce: boolean },
  ): Promise<number> {
    const { copies } = this.parts;
    const chosen = options.onlyIdle ? copyIds.filter((id) => !copies.isInUse(id)) : copyIds;
    if (chosen.length === 0) return 0;
    const tasks = new Set(chosen.flatMap((copyId) => copies.findCopy(copyId)?.taskId ?? []));
    copies.markPurged(() => this.parts.rows.markPurged(chosen));
    const receipts = await Promise.all(
      [...tasks].map((taskId) => this.run(taskId, { hasMarked: true, announce: options.announce })),
    );
    return receipts.reduce((sum, { deletedBytes }) => sum + deletedBytes, 0);
  }

  /**
   * Deletes the copies that `mark` marks in one transaction, in the turn of the call.
   *
   * @throws as `deleteTask`; what `mark` throws, at once, and then nothing is deleted.
   */
  purge(mark: () => readonly CopyId[]): Promise<void> {
    const { copies } = this.parts;
    let tasks: Set<TaskId>;
    try {
      const marked = copies.markPurged(mark);
      tasks = new Set(marked.flatMap((copyId) => copies.findCopy(copyId)?.taskId ?? []));
    } catch (error) {
      throw toStorageError(error);
    }
    const runs = [...tasks].map((taskId) => this.run(taskId, { hasMarked: true, announce: true }));
    return Promise.all(runs).then(() => undefined);
  }

  /** Whether copies of a task are being removed. */
  isRunning(taskId: TaskId): boolean {
    return this.running.has(taskId);
  }

  /** Resolves when nothing marked of a task is left. @throws as `deleteTask`. */
  async finishTask(taskId: TaskId): Promise<DeletionReceipt> {
    const running = this.running.get(taskId);
    if (running !== undefined) return running;
    if (this.parts.rows.listPurged(taskId).length === 0) {
      return { outcome: 'absent', copies: 0, deletedBytes: 0 };
    }
    return this.run(taskId, { hasMarked: true, announce: true });
  }

  /**
   * Finishes what former deletions left: marked rows of one task, or of all.
   *
   * @returns tasks of which something could not be deleted; each is logged.
   */
  async finishAll(): Promise<TaskId[]> {
    const failed: TaskId[] = [];
    for (const taskId of new Set(this.parts.rows.listPurged().map((copy) => copy.taskId))) {
      try {
        await this.run(taskId, { hasMarked: true, announce: true });
      } catch (error) {
        failed.push(taskId);
        this.parts.log.error('deletion cannot be finished', { taskId, err: error });
      }
    }
    return failed;
  }

  /** Resolves when no deletion is under way. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.running.values());
  }

  private run(
    taskId: TaskId,
    options: { readonly hasMarked: boolean; readonly announce: boolean },
  ): Promise<DeletionReceipt> {
    const former = this.running.get(taskId);
    if (former !== undefined && !options.hasMarked) return former;
    const before = former?.catch(() => undefined) ?? Promise.resolve();
    const purged = this.parts.rows.listPurged(taskId);
    const released = purged.map((copy) => this.parts.copies.releasePurged(copy.copyId, taskId));
    const receipt = Promise.all([before, ...released])
      .then(() => this.remove(taskId))
      .finally(() => {
        if (this.running.get(taskId) === receipt) this.running.delete(taskId);
      });
    this.running.set(taskId, receipt);
    return receipt.then((result) => {
      if (options.announce && result.copies > 0) this.announce(taskId);
      return result;
    });
  }

  private async remove(taskId: TaskId): Promise<DeletionReceipt> {
    const { rows, paths, disk, faults } = this.parts;
    const purged = rows.listPurged(taskId);
    if (purged.length === 0) return { outcome: 'absent', copies: 0, deletedBytes: 0 };
    const folder = paths.task(taskId);
    const { gone, failure } = await removeDurably(disk, folder, () => this.unlinkAll(purged));
    faults.reach('peer.delete.directory-synced');
    rows.deletePurged(gone.map(({ copyId }) => copyId));
    faults.reach('peer.delete.rows-deleted');
    await pruneEmpty(disk, folder);
    if (failure !== undefined) throw failure;
    const deletedBytes = gone.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
    this.parts.log.info('task deleted', { taskId, copies: gone.length, deletedBytes });
    return { outcome: 'deleted', copies: gone.length, deletedBytes };
  }

  private async unlinkAll(
    purged: readonly PurgedCopy[],
  ): Promise<{ gone: PurgedCopy[]; failure?: Error }> {
    const { paths, faults } = this.parts;
    const gone: PurgedCopy[] = [];
    let failure: Error | undefined;
    for (const copy of purged) {
      try {
        await unlinkContent(this.parts, paths.copy(copy.taskId, copy.copyId));
        gone.push(copy);
      } catch (error) {
        // The others go all the same; the first failure is the answer.
        failure ??= toError(error);
      }
    }
    faults.reach('peer.delete.unlinked');
    return failure === undefined ? { gone } : { gone, failure };
  }

  private announce(taskId: TaskId): void {
    const { announcer, faults, log } = this.parts;
    announcer
      .announceDeleted(taskId)
      .then(() => faults.reach('peer.delete.announced'))
      .catch((error: unknown) => log.warn('deletion not announced', { taskId, err: error }));
  }
}
