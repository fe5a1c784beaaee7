import { join } from 'node:path';
import { errnoOf, isTaskId, parseCopyId, type CopyId } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { Disk } from '@pondhawk/storage';
import type { Copy, CopyPlace, CopyStore } from '../copies/index.js';
import { fileLength, pruneEmpty, removeDurably, unlinkContent } from './content-removal.js';
import type { TaskDeletion } from './task-deletion.js';

/** What a repair did. */
export interface RepairReport {
  /** Tasks whose deletion could not be finished. */
  readonly unfinished: number;
  /** Copies whose file was gone or too short. */
  readonly lostCopies: number;
  /** Files that no row named. */
  readonly orphanFiles: number;
}

/** What the repair works with. */
export interface StartupRepairParts extends CopyPlace {
  readonly copies: CopyStore;
  readonly deletion: TaskDeletion;
  readonly log: Log;
}

/**
 * Brings rows and files together again after a crash: deletions are finished, rows without their
 * file go, files without a row go, empty folders go. Safe beside a running daemon too, because a row
 * is always there before its file and longer than it.
 */
export class StartupRepair {
  constructor(private readonly parts: StartupRepairParts) {}

  /** Does all of it. What cannot be removed is logged and tried again the next time. */
  async run(): Promise<RepairReport> {
    const unfinished = await this.parts.deletion.finishAll();
    const lost = await this.findLostCopies();
    await this.parts.deletion
      .deleteCopies(lost, { onlyIdle: true, announce: true })
      .catch((error: unknown) => this.parts.log.error('lost copies remain', { err: error }));
    const orphanFiles = await this.removeOrphans();
    const report = { unfinished: unfinished.length, lostCopies: lost.length, orphanFiles };
    if (report.unfinished + report.lostCopies + orphanFiles > 0) {
      this.parts.log.info('copies repaired', report);
    }
    return report;
  }

  /** Removes files that no row names. @returns how many went. */
  async removeOrphans(): Promise<number> {
    let removed = 0;
    const { disk, paths } = this.parts;
    for (const shard of await list(disk, paths.tasks)) {
      const shardPath = join(paths.tasks, shard);
      for (const task of await list(disk, shardPath)) {
        removed += await this.removeOrphansIn(join(shardPath, task), task);
      }
      await pruneShard(disk, shardPath);
    }
    return removed;
  }

  private async findLostCopies(): Promise<CopyId[]> {
    const lost: CopyId[] = [];
    for (const copy of this.parts.copies.listCopies()) {
      if (copy.state !== 'purged' && (await this.isLost(copy))) lost.push(copy.copyId);
    }
    return lost;
  }

  private async isLost(copy: Copy): Promise<boolean> {
    const { disk, paths } = this.parts;
    const length = await fileLength(disk, paths.copy(copy.taskId, copy.copyId));
    if (length === undefined) return true;
    return copy.state === 'complete' && length < (copy.contentLength ?? 0);
  }

  private async removeOrphansIn(folder: string, task: string): Promise<number> {
    const { disk } = this.parts;
    const orphans = (await list(disk, folder)).filter((name) => !this.hasRow(task, name));
    const remove = (): Promise<number> => this.unlinkAll(folder, orphans);
    const removed = orphans.length > 0 ? await removeDurably(disk, folder, remove) : 0;
    await pruneEmpty(disk, folder);
    return removed;
  }

  private async unlinkAll(folder: string, names: readonly string[]): Promise<number> {
    let removed = 0;
    for (const name of names) {
      try {
        await unlinkContent(this.parts, join(folder, name));
        removed += 1;
      } catch (error) {
        this.parts.log.error('orphan file remains', { err: error });
      }
    }
    return removed;
  }

  private hasRow(task: string, name: string): boolean {
    if (!isTaskId(task)) return false;
    try {
      return this.parts.copies.findCopy(parseCopyId(name))?.taskId === task;
    } catch {
      return false; // No copy id: nothing of ours has such a name.
    }
  }
}

async function pruneShard(disk: Disk, shardPath: string): Promise<void> {
  if ((await list(disk, shardPath)).length === 0) await pruneEmpty(disk, join(shardPath, 'none'));
}

/** Names in a folder; none if there is no such folder. */
async function list(disk: Disk, path: string): Promise<string[]> {
  try {
    return await disk.listFolder(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}
