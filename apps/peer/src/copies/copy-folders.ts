import { dirname } from 'node:path';
import type { TaskId } from '@pondhawk/core';
import type { CopyPlace } from './copy-paths.js';

/**
 * Makes the names of the folders that lead to a task's copies durable.
 *
 * That a folder is there does not say that its name is: another fill may have made it in this very
 * moment, or a process that was killed before it had synced it. So nothing is taken for granted, but
 * for what this process has synced itself and nobody removes.
 */
export class CopyFolders {
  private above: Promise<void> | undefined; // Set once the folder of all tasks is durable, or is being made so.

  constructor(private readonly place: CopyPlace) {}

  /** Resolves when all names down to those in the task's folder are durable. */
  async makeDurable(taskId: TaskId): Promise<void> {
    const { disk, paths } = this.place;
    this.above ??= this.syncAbove();
    const below = [paths.task(taskId), paths.shard(taskId), paths.tasks];
    await Promise.all([this.above, ...below.map((folder) => disk.syncFolder(folder))]);
  }

  private async syncAbove(): Promise<void> {
    const { disk, paths } = this.place;
    const content = dirname(paths.tasks);
    try {
      await disk.syncFolder(content);
      await disk.syncFolder(dirname(content));
    } catch (error) {
      this.above = undefined;
      throw error;
    }
  }
}
