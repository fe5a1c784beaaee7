import type { TaskId } from '@pondhawk/core';

/** Tells the schedulers that this host holds nothing of a task any more. */
export abstract class DeletionAnnouncer {
  /** Rejects if no scheduler took it; an inventory at the next connection makes up for that. */
  abstract announceDeleted(taskId: TaskId): Promise<void>;
}
