import { pondhawkV1, type commonV2 } from '@pondhawk/contracts';
import { parseHostId, WakeLoop, type Clock, type HostId, type TaskId } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import { boundMs, DEFAULT_TIMING, type LeaseLengths, type PurgeEntry } from '@pondhawk/purge';
import type { SwarmLoop } from '../announcing/swarm-loop.js';
import { CallSlots } from '../orders/call-slots.js';
import type { HostAnswer, HostCaller } from '../orders/host-caller.js';
import type { LaterReports } from './later-reports.js';
import type { PurgeFeed } from './purge-feed.js';

/** Calls to foreign daemons under way at once, beside those of orders. */
export const FOREIGN_CALLS_MAX = 16;
/** Calls that wait to be repeated; beyond, the oldest are made with the next announcement of their hosts. */
export const REPEATS_WAITING_MAX = 100_000;
/** Hosts whose place is remembered while they are away; beyond, those that were heard of first are forgotten. */
export const AWAY_HOSTS_MAX = 10_000;
/** A host that this scheduler did not know is told at most so many entries, the newest. */
export const MISSED_ENTRIES_MAX = 10_000;
const CALL_TIMEOUT_MS = 4_000;
const LOOK_INTERVAL_MS = 250;

/** What it works with. */
export interface ForeignPurgesParts {
  readonly feed: Pick<PurgeFeed, 'state' | 'after' | 'onChange'>;
  readonly caller: HostCaller;
  readonly later: Pick<LaterReports, 'add'>;
  readonly loop: Pick<SwarmLoop, 'apply'>;
  /** How long leases run. */
  readonly lengths: () => LeaseLengths;
  readonly clock: Clock;
  readonly log: Log;
}

interface ForeignHost {
  readonly id: HostId;
  record: commonV2.Host;
  /** Of the log in which it stands; empty before one is known. */
  epoch: string;
  /** It was told of everything up to here. */
  told: number;
  isConnected: boolean;
  /** What follows `told` it is called about here; otherwise the order does that. */
  isBehind: boolean;
  readonly telling: WakeLoop;
}

interface Repeat {
  readonly host: ForeignHost;
  readonly epoch: string;
  readonly seq: number;
  readonly taskId: TaskId;
  readonly dueAtMs: number; // Monotonic.
}

/**
 * Purges on daemons that know no purge log. The order calls those that are there; this calls each again
 * one bound later, because bytes of before may have reached it from others meanwhile, and looks whether
 * the task is gone. One that was away is told what it missed when it announces itself again, as far back
 * as this scheduler has run; one that cannot be reached, with each announcement.
 */
export class ForeignPurges {
  /** Calls by what came of them. */
  readonly counts = { repeated: 0, caught_up: 0, failed: 0, still_held: 0 };
  private readonly hosts = new Map<HostId, ForeignHost>();
  private readonly repeats: Repeat[] = []; // In order of their time.
  private readonly slots = new CallSlots(FOREIGN_CALLS_MAX);
  private start: { readonly epoch: string; readonly head: number } | undefined; // When the log was first known.
  private looking: NodeJS.Timeout | undefined; // From the first host to `stop`.
  private isStopped = false;

  constructor(private readonly parts: ForeignPurgesParts) {
    parts.feed.onChange(() => {
      this.start ??= parts.feed.state;
      for (const host of this.hosts.values()) if (host.isConnected) host.telling.wake();
    });
  }

  /** A foreign daemon announces itself. */
  heard(record: commonV2.Host): void {
    this.looking ??= setInterval(() => this.repeatDue(), LOOK_INTERVAL_MS).unref();
    const id = parseHostId(record.id);
    const host = this.hosts.get(id) ?? this.add(id, record);
    host.isBehind ||= !host.isConnected;
    host.isConnected = true;
    host.record = record;
    if (host.isBehind) host.telling.wake();
  }

  /** It left or fell silent; what comes now it will be told later. */
  lost(id: HostId): void {
    const host = this.hosts.get(id);
    if (host === undefined) return;
    host.isConnected = false;
    // Last in order of their going.
    this.hosts.delete(id);
    this.hosts.set(id, host);
    const away = [...this.hosts.values()].filter(({ isConnected }) => !isConnected);
    for (const { id: first } of away.slice(0, -AWAY_HOSTS_MAX)) this.hosts.delete(first);
  }

  /** Ends it; calls under way are not waited for. */
  stop(): void {
    this.isStopped = true;
    clearInterval(this.looking);
  }

  private add(id: HostId, record: commonV2.Host): ForeignHost {
    const host: ForeignHost = {
      ...{ id, record, epoch: '', told: 0, isConnected: false, isBehind: true },
      telling: new WakeLoop(() => this.tell(host)),
    };
    this.hosts.set(id, host);
    return host;
  }

  /** Never rejects. */
  private async tell(host: ForeignHost): Promise<void> {
    try {
      while (host.isConnected && !this.isStopped && this.place(host)) {
        const entries = await this.parts.feed.after(host.told);
        if (entries.length === 0) {
          host.isBehind = false;
          return;
        }
        for (const entry of entries) if (!(await this.tellOne(host, entry))) return;
      }
    } catch (thrown) {
      // Its next announcement tries again; what the log has lost it is told no more.
      host.told = Math.max(host.told, (this.parts.feed.state?.first ?? 1) - 1);
      this.parts.log.warn('a foreign daemon cannot be told of purges now', {
        ...{ hostId: host.id, after: host.told, err: thrown },
      });
    }
  }

  /** Puts a host into the log that is followed. @returns whether there is one. */
  private place(host: ForeignHost): boolean {
    const { state } = this.parts.feed;
    if (state === undefined) return false;
    if (host.epoch === state.epoch) return true;
    // Another log numbers on above the former one, which has nothing more to say.
    const from = this.start?.epoch === state.epoch ? this.start.head : state.first - 1;
    host.told = Math.max(from, state.head - MISSED_ENTRIES_MAX);
    host.epoch = state.epoch;
    return true;
  }

  private async tellOne(host: ForeignHost, entry: PurgeEntry): Promise<boolean> {
    const { epoch } = host;
    if (host.isBehind) {
      const answer = await this.slots.run(() => this.ask(host, 'delete_task', entry.taskId));
      if (answer.outcome === 'failed' && answer.isRetryable) {
        this.counts.failed += 1;
        return false;
      }
      this.counts.caught_up += 1;
      this.report(host, { ...entry, epoch }, answer);
    }
    host.told = entry.seq;
    this.repeats.push({ host, epoch, ...entry, dueAtMs: this.dueAtMs() });
    if (this.repeats.length > REPEATS_WAITING_MAX) this.fallBack(this.repeats.shift());
    return true;
  }

  private dueAtMs(): number {
    const { clock, lengths } = this.parts;
    // The margin is the manager's alone; its default is near enough for a call that is merely repeated.
    return clock.monotonicMs() + boundMs({ ...DEFAULT_TIMING, ...lengths() });
  }

  private repeatDue(): void {
    const now = this.parts.clock.monotonicMs();
    for (let next = this.repeats[0]; next !== undefined && next.dueAtMs <= now;) {
      this.repeats.shift();
      const due = next;
      void this.slots.run(() => this.repeat(due)); // Never rejects.
      next = this.repeats[0];
    }
  }

  private async repeat(repeat: Repeat): Promise<void> {
    const { host, taskId } = repeat;
    if (!host.isConnected || this.isStopped) {
      this.fallBack(repeat);
      return;
    }
    const answer = await this.ask(host, 'delete_task', taskId);
    if (answer.outcome === 'failed' && answer.isRetryable) {
      this.counts.failed += 1;
      this.fallBack(repeat);
      return;
    }
    this.counts.repeated += 1;
    if (answer.outcome === 'deleted') this.report(host, repeat, answer);
    const found = await this.ask(host, 'get_task', taskId);
    if (found.outcome !== 'answered') return;
    this.counts.still_held += 1;
    this.parts.log.warn('a foreign daemon holds a task after its purge was repeated', {
      ...{ hostId: host.id, taskId, seq: repeat.seq },
    });
  }

  /** Has the host told again from there on, with its next announcement. */
  private fallBack(repeat: Repeat | undefined): void {
    if (repeat === undefined || repeat.host.epoch !== repeat.epoch) return;
    repeat.host.told = Math.min(repeat.host.told, repeat.seq - 1);
    repeat.host.isBehind = true;
  }

  private ask(
    { record }: ForeignHost,
    type: 'delete_task' | 'get_task',
    taskId: TaskId,
  ): Promise<HostAnswer> {
    return this.parts.caller.ask(record, { type, taskId, purge: undefined }, CALL_TIMEOUT_MS);
  }

  private report(
    { id }: ForeignHost,
    { seq, taskId, epoch }: Pick<Repeat, 'seq' | 'taskId' | 'epoch'>,
    answer: HostAnswer,
  ): void {
    if (answer.outcome !== 'deleted' && answer.outcome !== 'absent') return;
    this.parts.loop.apply({ kind: 'task-deleted', hostId: id, taskId });
    const { outcome } = answer;
    const deletedBytes = BigInt(outcome === 'deleted' ? (answer.deletedBytes ?? 0) : 0);
    const told = pondhawkV1.PurgeOutcome.fromPartial({ seq: BigInt(seq), outcome, deletedBytes });
    const nobody = Buffer.alloc(0); // Such a daemon does not say which start of it speaks.
    this.parts.later.add({ hostId: id, outcome: told, epoch, incarnation: nobody, lock: nobody });
  }
}
