import { join } from 'node:path';
import type { CopyId, TaskId } from '@pondhawk/core';
import type { Disk } from '@pondhawk/storage';

/** Where copies lie, and by what they are kept there. */
export interface CopyPlace {
  readonly disk: Disk;
  readonly paths: CopyPaths;
}

const SHARD_DIGITS = 3;

/**
 * Where content lies: `content/tasks/<id[0..3]>/<task id>/<copy id>`. Only parsed ids come here, so
 * that nothing a caller sends can name another place.
 */
export class CopyPaths {
  /** The folder of all tasks. */
  readonly tasks: string;

  constructor(private readonly dataDir: string) {
    this.tasks = join(dataDir, 'content', 'tasks');
  }

  /** Folder of the tasks whose ids begin alike. */
  shard(taskId: TaskId): string {
    return join(this.tasks, taskId.slice(0, SHARD_DIGITS));
  }

  /** Folder of one task's copies. */
  task(taskId: TaskId): string {
    return join(this.shard(taskId), taskId);
  }

  /** Content file of a copy. */
  copy(taskId: TaskId, copyId: CopyId): string {
    return join(this.task(taskId), copyId);
  }

  /** `path` as it may be shown to callers: relative to the data folder. */
  relative(path: string): string {
    return path.startsWith(`${this.dataDir}/`) ? path.slice(this.dataDir.length + 1) : path;
  }
}
