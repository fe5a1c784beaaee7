import type { TaskId } from '@pondhawk/core';
import {
  type EntryLog,
  type ForeignAnswer,
  ForeignBook,
  type ForeignRepeat,
  type PurgeEntry,
} from '@pondhawk/purge';
import { type SimContext, SIM_TIMING } from './parts.js';
import { type ForeignOrderMessage, ForeignRun } from './foreign-run.js';
import type { ForeignReply, SimForeign } from './sim-foreign.js';
import type { SimManager } from './sim-manager.js';
import { InvariantBroken } from './truth.js';
import type { SimNode } from './world.js';

const LOOK_MS = 20;
/** Who has not announced itself for so long is away. */
const SILENT_MS = 200;
const CALL_TIMEOUT_MS = 60;
const ORDER_TRIES_MAX = 3;
const ROW_WRITTEN_SHARE = 0.5;
const LIMITS = { awayHostsMax: 1_000, missedEntriesMax: 1_000, repeatsWaitingMax: 1_000 };

/** What a call came to, and whether the daemon has said so. */
interface Called {
  readonly answer: ForeignAnswer;
  readonly reply: ForeignReply | undefined;
}

/** What one start of a scheduler does about foreign daemons; the rules are the book's. */
export class ForeignDesk {
  private book!: ForeignBook;
  private readonly daemons = new Map<string, SimForeign>();
  private readonly heardAt = new Map<string, number>();
  private readonly telling = new Set<string>();
  private isLooking = false;
  private newestRunMs = 0;

  constructor(
    private readonly context: SimContext,
    readonly scheduler: SimNode,
    private readonly manager: SimManager,
    private readonly readLog: () => EntryLog,
  ) {
    this.restart();
  }

  /** A new start of its scheduler knows nothing. */
  restart(): void {
    this.book = new ForeignBook(LIMITS, this.context.parts.rules);
    for (const known of [this.daemons, this.heardAt, this.telling]) known.clear();
    this.isLooking = false;
  }

  /** Whether this start follows the log since before an entry, so that it has to tell everybody of it. */
  hasToTell(epoch: string, seq: number): boolean {
    const { startedAt } = this.book;
    return (
      startedAt?.epoch === epoch && startedAt.head < seq && this.readLog().state.epoch === epoch
    );
  }

  /** The log has changed. */
  logChanged(): void {
    const { state } = this.readLog();
    if (state.epoch === '') return;
    this.book.begin(state);
    for (const daemon of this.daemons.values()) this.tell(daemon);
  }

  /** A foreign daemon announces itself. */
  heard(daemon: SimForeign): void {
    const { world } = this.context;
    const { name } = daemon;
    if (!this.isLooking) this.look();
    this.isLooking = true;
    this.daemons.set(name, daemon);
    this.heardAt.set(name, world.monotonic(this.scheduler));
    // Rows are written in batches, so a purge may be accepted before.
    if (world.prng.chance(ROW_WRITTEN_SHARE))
      world.send(this.scheduler, this.manager, () => this.manager.foreign.heard(name));
    if (this.book.heard(name)) this.tell(daemon);
  }

  /** The order: each daemon that is named, or has been heard here, is called, some times at most. */
  takeOrder(order: ForeignOrderMessage, named: readonly SimForeign[]): void {
    const heard = [...this.heardAt.keys()].map((name) => this.daemons.get(name));
    const daemons = new Set([...named, ...heard].filter((daemon) => daemon !== undefined));
    const asked = [...daemons].map(({ name }) => name);
    const { context, scheduler, manager } = this;
    // A wall clock: it goes on over a restart.
    this.newestRunMs = Math.max(this.newestRunMs + 1, context.world.now);
    const run = { startedAtMs: this.newestRunMs, asked };
    const reports = new ForeignRun(context, { scheduler, manager }, order, run);
    for (const daemon of daemons) this.carryOut({ entry: order.entry, reports }, daemon, 1);
  }

  private carryOut(
    run: { readonly entry: PurgeEntry; readonly reports: ForeignRun },
    daemon: SimForeign,
    tries: number,
  ): void {
    const { entry, reports } = run;
    this.call(daemon, 'deleteTask', entry.taskId, ({ answer, reply }) => {
      if (!this.context.parts.rules.isForeignTold(answer) && tries < ORDER_TRIES_MAX) {
        this.carryOut(run, daemon, tries + 1);
        return;
      }
      const hasFailed = answer.outcome === 'failed';
      if (hasFailed && reply !== undefined)
        throw new InvariantBroken(
          'FOREIGN_FAILED',
          `${daemon.name} has said ${JSON.stringify(reply)}`,
        );
      reports.end(daemon.name, hasFailed ? 'failed' : 'answered');
    });
  }

  private tell(daemon: SimForeign): void {
    const { name } = daemon;
    if (this.telling.has(name)) return;
    const log = this.readLog();
    const place = log.state.epoch === '' ? undefined : this.book.follow(name, log.state);
    if (place === undefined) return;
    const entries = log.after(place.told, 1);
    const entry = entries?.[0];
    if (entries === undefined) this.book.noteUnread(name, log.state.first);
    else if (entry === undefined) this.book.noteUpToDate(name);
    else if (place.isBehind) this.callAbout(daemon, entry);
    else {
      this.noteTold(name, entry);
      this.tell(daemon);
    }
  }

  private callAbout(daemon: SimForeign, entry: PurgeEntry): void {
    const { name } = daemon;
    this.telling.add(name);
    this.call(daemon, 'deleteTask', entry.taskId, ({ answer }) => {
      this.telling.delete(name);
      // Its next announcement tries again.
      if (!this.context.parts.rules.isForeignTold(answer)) return;
      this.context.truth.coverage.foreignCaughtUp += 1;
      this.noteTold(name, entry);
      this.tell(daemon);
    });
  }

  private noteTold(name: string, entry: PurgeEntry): void {
    const ms = this.context.world.monotonic(this.scheduler);
    this.book.noteTold(name, entry, { ms, timing: SIM_TIMING });
  }

  private look(): void {
    const { world } = this.context;
    const now = world.monotonic(this.scheduler);
    for (const [name, at] of this.heardAt) {
      if (now - at < SILENT_MS) continue;
      this.heardAt.delete(name);
      this.book.lost(name);
      world.send(this.scheduler, this.manager, () => this.manager.foreign.lost(name));
    }
    for (const due of this.book.takeDue(now)) this.repeat(due);
    world.tick(this.scheduler, LOOK_MS, () => this.look());
  }

  private repeat(repeat: ForeignRepeat): void {
    const { rules } = this.context.parts;
    const daemon = this.daemons.get(repeat.id);
    if (daemon === undefined || this.book.find(repeat.id)?.isConnected !== true) {
      this.book.fallBack(repeat);
      return;
    }
    const { taskId } = repeat;
    this.call(daemon, 'deleteTask', taskId, ({ answer }) => {
      if (!rules.isForeignTold(answer)) {
        this.book.fallBack(repeat);
        return;
      }
      this.call(daemon, 'statTask', taskId, ({ answer: found }) => {
        if (!rules.isForeignTold(found)) this.book.fallBack(repeat);
        else this.noteRepeated(repeat, found);
      });
    });
  }

  private noteRepeated({ id, epoch, seq }: ForeignRepeat, found: ForeignAnswer): void {
    const { truth, parts } = this.context;
    truth.coverage.foreignRepeated += 1;
    if (!parts.rules.isStillHeld(found)) return;
    truth.coverage.foreignWarned += 1;
    truth.warnedOf.add(`${id} ${epoch} ${seq}`);
  }

  /** Calls; no answer within a time is a failure of which another try may do. */
  private call(
    daemon: SimForeign,
    method: 'deleteTask' | 'statTask',
    taskId: TaskId,
    done: (called: Called) => void,
  ): void {
    const { world, parts } = this.context;
    const { book } = this;
    let isOver = false;
    const end = (called: Called): void => {
      if (isOver || this.book !== book) return; // Too late, or for a former start.
      isOver = true;
      done(called);
    };
    world.send(this.scheduler, daemon, () => {
      const reply = daemon[method](taskId);
      world.send(daemon, this.scheduler, () =>
        end({ answer: readReply(reply, parts.rules.saysAbsent), reply }),
      );
    });
    world.later(this.scheduler, CALL_TIMEOUT_MS, () =>
      end({ answer: { outcome: 'failed', isRetryable: true }, reply: undefined }),
    );
  }
}

function readReply(reply: ForeignReply, saysAbsent: (text: string) => boolean): ForeignAnswer {
  if ('outcome' in reply) return { outcome: reply.outcome };
  return saysAbsent(reply.text) ? { outcome: 'absent' } : { outcome: 'failed', isRetryable: false };
}
