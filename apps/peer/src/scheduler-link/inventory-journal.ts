import type { TaskId } from '@pondhawk/core';

/** Tasks whose last change is remembered; who stands further back is told everything. */
export const CHANGES_KEPT_MAX = 10_000;

/**
 * Which tasks have changed on this host since the start of the daemon, in order: each change raises
 * the *revision*, and a task stands at its last one. What it changed to is looked up when it is told.
 */
export class InventoryJournal {
  private readonly changes = new Map<TaskId, number>(); // Revision of the last change, ascending.
  private newest = 0;
  private forgotten = 0; // Changes up to here may be missing.
  private wakers: (() => void)[] = [];

  /** Number of changes so far. */
  get revision(): number {
    return this.newest;
  }

  /** Notes that a copy of the task was begun, or marked purged. */
  note(taskId: TaskId): void {
    this.newest += 1;
    this.changes.delete(taskId);
    this.changes.set(taskId, this.newest);
    if (this.changes.size > CHANGES_KEPT_MAX) this.forgetOldest();
    for (const wake of this.wakers.splice(0)) wake();
  }

  /** Whether every change after a revision is still known. */
  reachesBackTo(revision: number): boolean {
    return revision >= this.forgotten && revision <= this.newest;
  }

  /** The first changes after a revision. @returns also the revision up to which they are all. */
  after(revision: number, limit: number): { readonly tasks: TaskId[]; readonly revision: number } {
    const tasks: TaskId[] = [];
    let upTo = revision;
    for (const [taskId, at] of this.changes) {
      if (at <= revision) continue;
      if (tasks.length === limit) return { tasks, revision: upTo };
      tasks.push(taskId);
      upTo = at;
    }
    return { tasks, revision: this.newest };
  }

  /** Resolves at the next change, or when `signal` is aborted. */
  async nextChange(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        signal.removeEventListener('abort', end);
        this.wakers = this.wakers.filter((waker) => waker !== end);
        resolve();
      };
      signal.addEventListener('abort', end, { once: true });
      this.wakers.push(end);
    });
  }

  private forgetOldest(): void {
    const [oldest] = this.changes;
    if (oldest === undefined) return;
    this.changes.delete(oldest[0]);
    this.forgotten = oldest[1];
  }
}
