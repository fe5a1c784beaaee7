import { pondhawkV1, type commonV2 } from '@pondhawk/contracts';
import { parseHostId, WakeLoop, type Clock, type HostId, type TaskId } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import {
  DEFAULT_TIMING,
  ForeignBook,
  isForeignTold,
  isStillHeld,
  type ForeignPlace,
  type ForeignRepeat,
  type LeaseLengths,
  type PurgeEntry,
} from '@pondhawk/purge';
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
  readonly telling: WakeLoop;
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
  private readonly book = new ForeignBook({
    awayHostsMax: AWAY_HOSTS_MAX,
    missedEntriesMax: MISSED_ENTRIES_MAX,
    repeatsWaitingMax: REPEATS_WAITING_MAX,
  });
  private readonly slots = new CallSlots(FOREIGN_CALLS_MAX);
  private looking: NodeJS.Timeout | undefined; // From the first host to `stop`.
  private isStopped = false;

  constructor(private readonly parts: ForeignPurgesParts) {
    parts.feed.onChange(() => {
      this.book.begin(parts.feed.state);
      for (const { id, telling } of this.hosts.values())
        if (this.book.find(id)?.isConnected === true) telling.wake();
    });
  }

  /** A foreign daemon announces itself. */
  heard(record: commonV2.Host): void {
    this.looking ??= setInterval(() => this.repeatDue(), LOOK_INTERVAL_MS).unref();
    const id = parseHostId(record.id);
    const host = this.hosts.get(id) ?? this.add(id, record);
    host.record = record;
    if (this.book.heard(id)) host.telling.wake();
  }

  /** It left or fell silent; what comes now it will be told later. */
  lost(id: HostId): void {
    for (const forgotten of this.book.lost(id)) this.hosts.delete(parseHostId(forgotten));
  }

  /** Ends it; calls under way are not waited for. */
  stop(): void {
    this.isStopped = true;
    clearInterval(this.looking);
  }

  private add(id: HostId, record: commonV2.Host): ForeignHost {
    const host: ForeignHost = { id, record, telling: new WakeLoop(() => this.tell(host)) };
    this.hosts.set(id, host);
    return host;
  }

  /** Never rejects. */
  private async tell(host: ForeignHost): Promise<void> {
    const { feed, log } = this.parts;
    try {
      for (let place = this.place(host); place !== undefined; place = this.place(host)) {
        const entries = await feed.after(place.told);
        if (entries.length === 0) {
          this.book.noteUpToDate(host.id);
          return;
        }
        for (const entry of entries) if (!(await this.tellOne(host, entry))) return;
      }
    } catch (thrown) {
      // Its next announcement tries again; what the log has lost it is told no more.
      this.book.noteUnread(host.id, feed.state?.first ?? 1);
      log.warn('a foreign daemon cannot be told of purges now', {
        ...{ hostId: host.id, after: this.book.find(host.id)?.told, err: thrown },
      });
    }
  }

  /** @returns where a host stands in the log that is followed; undefined if it is not to be told of it now. */
  private place({ id }: ForeignHost): ForeignPlace | undefined {
    const { state } = this.parts.feed;
    if (state === undefined || this.isStopped) return undefined;
    return this.book.follow(id, state);
  }

  private async tellOne(host: ForeignHost, entry: PurgeEntry): Promise<boolean> {
    const { isBehind = false, epoch = '' } = this.book.find(host.id) ?? {};
    if (isBehind) {
      const answer = await this.slots.run(() => this.ask(host, 'delete_task', entry.taskId));
      if (!isForeignTold(answer)) {
        this.counts.failed += 1;
        return false;
      }
      this.counts.caught_up += 1;
      this.report(host, { ...entry, epoch }, answer);
    }
    const { clock, lengths } = this.parts;
    // The margin is the manager's alone; its default is near enough for a call that is merely repeated.
    const timing = { ...DEFAULT_TIMING, ...lengths() };
    this.book.noteTold(host.id, entry, { ms: clock.monotonicMs(), timing });
    return true;
  }

  private repeatDue(): void {
    for (const due of this.book.takeDue(this.parts.clock.monotonicMs()))
      void this.slots.run(() => this.repeat(due)); // Never rejects.
  }

  private async repeat(repeat: ForeignRepeat): Promise<void> {
    const host = this.hosts.get(parseHostId(repeat.id));
    const isConnected = this.book.find(repeat.id)?.isConnected === true;
    if (host === undefined || !isConnected || this.isStopped) {
      this.book.fallBack(repeat);
      return;
    }
    const { taskId } = repeat;
    const answer = await this.ask(host, 'delete_task', taskId);
    const found = isForeignTold(answer) ? await this.ask(host, 'get_task', taskId) : answer;
    if (answer.outcome === 'deleted') this.report(host, repeat, answer);
    if (!isForeignTold(found)) {
      this.counts.failed += 1;
      this.book.fallBack(repeat);
      return;
    }
    this.counts.repeated += 1;
    if (!isStillHeld(found)) return;
    this.counts.still_held += 1;
    this.parts.log.warn('a foreign daemon holds a task after its purge was repeated', {
      ...{ hostId: host.id, taskId, seq: repeat.seq },
    });
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
    { seq, taskId, epoch }: Pick<ForeignRepeat, 'seq' | 'taskId' | 'epoch'>,
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
