import { INVENTORY_TASKS_PER_MESSAGE_MAX, type pondhawkV1 } from '@pondhawk/contracts';
import type { TaskId } from '@pondhawk/core';
import { CHANGES_KEPT_MAX, InventoryJournal } from './inventory-journal.js';
import { InventoryTeller } from './inventory-teller.js';

const taskOf = (index: number) => index.toString(16).padStart(64, '0') as TaskId;

/** Rows and their journal, and what the home makes of what it is told. */
class Stage {
  readonly tasks = new Set<TaskId>();
  readonly journal = new InventoryJournal();
  readonly messages: pondhawkV1.SyncInventory[] = [];
  readonly known = new Set<string>();
  revision: bigint | undefined;
  /** Runs before each message is taken. */
  onSend: (index: number) => void = () => undefined;
  private readonly end = new AbortController();
  private readonly teller = new InventoryTeller(
    {
      listTasks: (after, limit) =>
        [...this.tasks]
          .sort()
          .filter((taskId) => taskId > after)
          .slice(0, limit),
      hasTask: (taskId) => this.tasks.has(taskId),
    },
    this.journal,
  );

  add(index: number): void {
    this.tasks.add(taskOf(index));
    this.journal.note(taskOf(index));
  }

  remove(index: number): void {
    this.tasks.delete(taskOf(index));
    this.journal.note(taskOf(index));
  }

  /** Tells until `count` messages have been taken. */
  async tell(count: number): Promise<void> {
    const until = this.messages.length + count;
    const known = { isKnown: this.revision !== undefined, revision: this.revision ?? 0n };
    const end = new AbortController();
    await this.teller.tell(
      async (message) => {
        this.onSend(this.messages.length);
        await Promise.resolve();
        this.take(message);
        if (this.messages.length === until) end.abort();
      },
      known,
      AbortSignal.any([end.signal, this.end.signal]),
    );
  }

  private take(message: pondhawkV1.SyncInventory): void {
    this.messages.push(message);
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
    if (message.isStart) this.known.clear();
    message.held.forEach((id) => this.known.add(hex(id)));
    message.gone.forEach((id) => this.known.delete(hex(id)));
    if (message.isCurrent) this.revision = message.revision;
  }

  expectTrue(): void {
    expect([...this.known].sort()).toEqual([...this.tasks].sort());
  }
}

describe('InventoryTeller', () => {
  it('tells everything once, then changes alone', async () => {
    const stage = new Stage();
    for (let index = 0; index < 5; index += 1) stage.add(index);
    await stage.tell(1);
    expect(stage.messages[0]).toMatchObject({ isStart: true, isCurrent: true });
    stage.add(7);
    stage.remove(2);
    await stage.tell(1);
    stage.expectTrue();
    expect(stage.messages).toHaveLength(2);
    expect(stage.messages[1]).toMatchObject({ isStart: false, revision: 7n });
    expect([stage.messages[1]?.held.length, stage.messages[1]?.gone.length]).toEqual([1, 1]);
  });

  it('says that a host holds nothing', async () => {
    const stage = new Stage();
    await stage.tell(1);
    expect(stage.messages).toMatchObject([{ isStart: true, isCurrent: true, held: [] }]);
  });

  it('bounds every message, and loses or raises nothing that changes while everything is told', async () => {
    const stage = new Stage();
    const count = 3 * INVENTORY_TASKS_PER_MESSAGE_MAX + 1;
    for (let index = 0; index < count; index += 1) stage.add(2 * index);
    stage.onSend = (index) => {
      if (index > 3) return;
      stage.remove(0); // Told already, from the second message on.
      stage.remove(2 * count - 2); // Still to come, until the last message.
      if (index === 1) stage.add(3); // Before the place where the telling is.
      if (index === 2) stage.add(2 * count - 2);
      if (index === 3) stage.remove(2 * INVENTORY_TASKS_PER_MESSAGE_MAX);
    };
    await stage.tell(5);
    stage.expectTrue();
    const sizes = stage.messages.map(({ held, gone }) => held.length + gone.length);
    expect(Math.max(...sizes)).toBe(INVENTORY_TASKS_PER_MESSAGE_MAX);
    expect(stage.messages.filter(({ isStart }) => isStart)).toHaveLength(1);
  });

  it('goes on where the home stands, and tells everything anew when that is too far back', async () => {
    const stage = new Stage();
    stage.add(1);
    await stage.tell(1);
    stage.add(2);
    await stage.tell(1);
    expect(stage.messages[1]?.isStart).toBe(false);
    for (let index = 0; index <= CHANGES_KEPT_MAX; index += 1) stage.add(index);
    const before = stage.messages.length;
    await stage.tell(6);
    expect(stage.messages[before]?.isStart).toBe(true);
    stage.expectTrue();
  });

  it('believes no revision that it has not reached', async () => {
    const stage = new Stage();
    stage.add(1);
    stage.revision = 99n;
    await stage.tell(1);
    expect(stage.messages[0]?.isStart).toBe(true);
  });
});
