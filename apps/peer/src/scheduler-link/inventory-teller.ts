import { INVENTORY_TASKS_PER_MESSAGE_MAX, fromTaskIds, type pondhawkV1 } from '@pondhawk/contracts';
import type { TaskId } from '@pondhawk/core';
import type { SqliteCopies } from '../copies/index.js';
import type { InventoryJournal } from './inventory-journal.js';

/** Sends one message on the stream; resolves when the next may follow, rejects when the stream has ended. */
export type SendInventory = (inventory: pondhawkV1.SyncInventory) => Promise<void>;

/**
 * Tells the home which tasks this host stores: everything once, then changes. What is said of a task
 * is read in the turn in which it is sent, so on a stream, which keeps its order, the last word about
 * a task is true, whatever changed while everything was being told.
 */
export class InventoryTeller {
  constructor(
    private readonly rows: Pick<SqliteCopies, 'listTasks' | 'hasTask'>,
    private readonly journal: InventoryJournal,
  ) {}

  /** Tells until `signal` is aborted. @param known what the home remembers. @throws what `send` throws. */
  async tell(
    send: SendInventory,
    known: pondhawkV1.SyncInventoryState,
    signal: AbortSignal,
  ): Promise<void> {
    let told = known.isKnown ? Number(known.revision) : undefined;
    while (!signal.aborted) {
      if (told === undefined || !this.journal.reachesBackTo(told)) told = await this.tellAll(send);
      else if (told < this.journal.revision) told = await this.tellChanges(send, told);
      else await this.journal.nextChange(signal);
    }
  }

  /** @returns the revision from which on changes are to be told. */
  private async tellAll(send: SendInventory): Promise<number> {
    const { revision } = this.journal; // What changes from here on is told again.
    let after = '';
    for (let isLast = false; !isLast;) {
      const held = this.rows.listTasks(after, INVENTORY_TASKS_PER_MESSAGE_MAX);
      isLast = held.length < INVENTORY_TASKS_PER_MESSAGE_MAX;
      const isStart = after === '';
      await send(message({ isStart, held, ...(isLast ? { isCurrent: true, revision } : {}) }));
      after = held.at(-1) ?? after;
    }
    return revision;
  }

  /** @returns the revision up to which everything is told. */
  private async tellChanges(send: SendInventory, told: number): Promise<number> {
    // What changes in this turn travels together.
    await new Promise((resolve) => setImmediate(resolve));
    const { tasks, revision } = this.journal.after(told, INVENTORY_TASKS_PER_MESSAGE_MAX);
    const held: TaskId[] = [];
    const gone: TaskId[] = [];
    for (const taskId of tasks) (this.rows.hasTask(taskId) ? held : gone).push(taskId);
    await send(message({ held, gone, isCurrent: true, revision }));
    return revision;
  }
}

function message(facts: {
  readonly isStart?: boolean;
  readonly held: readonly TaskId[];
  readonly gone?: readonly TaskId[];
  readonly isCurrent?: boolean;
  readonly revision?: number;
}): pondhawkV1.SyncInventory {
  return {
    isStart: facts.isStart ?? false,
    held: fromTaskIds(facts.held),
    gone: fromTaskIds(facts.gone ?? []),
    isCurrent: facts.isCurrent ?? false,
    revision: BigInt(facts.revision ?? 0),
  };
}
