import type { TaskId } from '@pondhawk/core';
import type { ForeignAnswer } from '@pondhawk/purge';
import type { ForeignDesk } from './foreign-desk.js';
import type { SimContext } from './parts.js';
import type { SimHost } from './sim-host.js';
import { type SimNode, noTimeStood } from './world.js';

const ANNOUNCE_MS = 60;
const WORK_MS = 30;

/** What such a daemon stores of a task, and when its oldest byte was read and its last one came. */
export interface ForeignCopy {
  readonly taskId: TaskId;
  readonly readAt: number;
  readonly gotAt: number;
}

/** What it says to a call: an outcome, or the text of an error. */
export type ForeignReply =
  { readonly outcome: ForeignAnswer['outcome'] } | { readonly text: string };

/** Who such a daemon sees. */
export interface Neighbours {
  readonly desks: readonly ForeignDesk[];
  readonly hosts: readonly SimHost[];
  readonly foreign: readonly SimForeign[];
  readonly tasks: readonly TaskId[];
}

/**
 * A daemon of another make: no lease, no stream, no place in the log; it announces itself, and deletes
 * what it is called to delete as far as it is there whole. A download under way goes on.
 */
export class SimForeign implements SimNode {
  isUp = true;
  life = 0;
  suspendedUntil = 0;
  readonly stood = noTimeStood();
  /** Says that it has deleted what it keeps. */
  readonly isLiar: boolean;
  private held = new Map<TaskId, ForeignCopy>(); // On its disk.

  constructor(
    private readonly context: SimContext,
    readonly name: string,
    readonly rate: number,
    private readonly seen: Neighbours,
  ) {
    const { prng, faults } = context.world;
    this.isLiar = prng.chance(faults.foreignLiar);
  }

  /** Starts (nothing does that before), with the disk that it has. */
  start(): void {
    this.isUp = true;
    this.announce();
    this.work();
  }

  /** Is away at first, with something on its disk that nobody here knows of. */
  comeLater(ms: number): void {
    const { world } = this.context;
    this.isUp = false;
    for (const taskId of this.seen.tasks) this.held.set(taskId, { taskId, readAt: 0, gotAt: 0 });
    world.plan(world.now + ms, () => this.start());
  }

  /** All that it stores. */
  get copies(): readonly ForeignCopy[] {
    return [...this.held.values()];
  }

  /** `DeleteTask`. */
  deleteTask(taskId: TaskId): ForeignReply {
    if (!this.held.has(taskId)) return { text: `INTERNAL: task ${taskId} not found` };
    if (!this.isLiar) this.held.delete(taskId);
    return { outcome: 'deleted' };
  }

  /** `StatLocalTask`. */
  statTask(taskId: TaskId): ForeignReply {
    if (!this.held.has(taskId)) return { text: `INTERNAL: task ${taskId} not found` };
    return { outcome: 'answered' };
  }

  /** Hands a copy to whoever asks. @returns when its oldest byte was read; undefined without one. */
  give(taskId: TaskId): number | undefined {
    return this.held.get(taskId)?.readAt;
  }

  private announce(): void {
    const { world } = this.context;
    for (const desk of this.seen.desks) world.send(this, desk.scheduler, () => desk.heard(this));
    world.tick(this, ANNOUNCE_MS * world.prng.between(0.8, 1.2), () => this.announce());
  }

  private work(): void {
    const { world } = this.context;
    this.download();
    world.tick(this, WORK_MS * world.prng.between(0.5, 1.5), () => this.work());
  }

  private download(): void {
    const { world } = this.context;
    const { prng } = world;
    const taskId = prng.pick(this.seen.tasks);
    if (taskId === undefined || this.held.has(taskId)) return;
    const parent = prng.pick<SimHost | SimForeign>([...this.seen.hosts, ...this.seen.foreign]);
    if (parent === undefined || parent === this || prng.chance(0.3)) {
      const readAt = world.now;
      world.later(this, prng.between(2, 60), () => this.store(taskId, readAt));
      return;
    }
    world.send(this, parent, () => {
      const readAt = parent.give(taskId);
      if (readAt === undefined) return;
      world.send(parent, this, () => this.store(taskId, readAt));
    });
  }

  private store(taskId: TaskId, readAt: number): void {
    if (this.held.has(taskId)) return;
    this.held.set(taskId, { taskId, readAt, gotAt: this.context.world.now });
    this.context.truth.coverage.foreignCopies += 1;
  }
}
