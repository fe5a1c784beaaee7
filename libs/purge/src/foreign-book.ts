import type { TaskId } from '@pondhawk/core';
import type { LogState, PurgeEntry } from './purge-entry.js';
import { PURGE_RULES, type PurgeRules } from './rules.js';
import type { LeaseTiming } from './timing.js';

/** What is remembered of a daemon that knows no purge log. */
export interface ForeignPlace {
  readonly id: string;
  /** Of the log in which it stands; empty before one is known. */
  readonly epoch: string;
  /** It was told of everything up to here. */
  readonly told: number;
  readonly isConnected: boolean;
  /** What follows `told` it is called about here; otherwise the order does that. */
  readonly isBehind: boolean;
}

type OpenPlace = { -readonly [Key in keyof ForeignPlace]: ForeignPlace[Key] };

/** A call that is made again one bound later. */
export interface ForeignRepeat {
  readonly id: string;
  readonly epoch: string;
  readonly seq: number;
  readonly taskId: TaskId;
  /** By the monotonic clock of whoever keeps the book. */
  readonly dueAtMs: number;
}

/** Sizes of a book. */
export interface ForeignBookLimits {
  /** Hosts remembered while they are away; beyond, those that went first are forgotten. */
  readonly awayHostsMax: number;
  /** A host that was not known is told at most so many entries, the newest. */
  readonly missedEntriesMax: number;
  /** Calls that wait to be repeated; beyond, the oldest are made with the next announcement of their hosts. */
  readonly repeatsWaitingMax: number;
}

/** Who of the daemons that know no purge log was told of what, and which calls are to be repeated. In memory only. */
export class ForeignBook {
  private readonly places = new Map<string, OpenPlace>();
  private readonly repeats: ForeignRepeat[] = []; // In order of their time.
  private start: LogState | undefined;

  constructor(
    private readonly limits: ForeignBookLimits,
    private readonly rules: PurgeRules = PURGE_RULES,
  ) {}

  /** Where the log stood when it was first known; undefined before. */
  get startedAt(): LogState | undefined {
    return this.start;
  }

  /** Notes where the log stands. Only the first time counts. */
  begin(log: LogState | undefined): void {
    this.start ??= log;
  }

  /** What is known of a host. */
  find(id: string): ForeignPlace | undefined {
    return this.places.get(id);
  }

  /** A host announces itself. @returns whether it must be called about what it missed. */
  heard(id: string): boolean {
    const known = this.places.get(id);
    const place = known ?? { id, epoch: '', told: 0, isConnected: false, isBehind: true };
    this.places.set(id, place);
    place.isBehind = this.rules.isForeignBehind(place);
    place.isConnected = true;
    return place.isBehind;
  }

  /** It left or fell silent; what comes now it will be told later. @returns hosts that are forgotten for it. */
  lost(id: string): readonly string[] {
    const place = this.places.get(id);
    if (place === undefined) return [];
    place.isConnected = false;
    // Last in order of their going.
    this.places.delete(id);
    this.places.set(id, place);
    const away = [...this.places.values()].filter(({ isConnected }) => !isConnected);
    const forgotten = away.slice(0, -this.limits.awayHostsMax).map((host) => host.id);
    for (const first of forgotten) this.places.delete(first);
    return forgotten;
  }

  /** Puts a host into the log that is followed. @returns where it stands; undefined while it is away. */
  follow(id: string, log: LogState): ForeignPlace | undefined {
    const place = this.places.get(id);
    if (place?.isConnected !== true) return undefined;
    if (place.epoch === log.epoch) return place;
    place.told = this.rules.foreignStart(log, this.start, this.limits.missedEntriesMax);
    place.epoch = log.epoch;
    return place;
  }

  /** A host was told of the next entry; the call is to be repeated. */
  noteTold(id: string, entry: PurgeEntry, now: { ms: number; timing: LeaseTiming }): void {
    const place = this.places.get(id);
    if (place === undefined) return;
    const { seq, taskId } = entry;
    // One that fell back meanwhile is told again from there on.
    if (place.told === seq - 1) place.told = seq;
    const dueAtMs = this.rules.foreignRepeatAt(now.ms, now.timing);
    this.repeats.push({ id, epoch: place.epoch, seq, taskId, dueAtMs });
    if (this.repeats.length > this.limits.repeatsWaitingMax) this.fallBack(this.repeats.shift());
  }

  /** It was told of all there is. */
  noteUpToDate(id: string): void {
    const place = this.places.get(id);
    if (place !== undefined) place.isBehind = false;
  }

  /** The log could not be read on: its next announcement tries again. What lies before `first` nobody can tell it any more. */
  noteUnread(id: string, first: number): void {
    const place = this.places.get(id);
    if (place === undefined) return;
    place.told = Math.max(place.told, first - 1);
    place.isBehind = true;
  }

  /** Takes the calls that are to be repeated by now. */
  takeDue(nowMs: number): readonly ForeignRepeat[] {
    const later = this.repeats.findIndex(({ dueAtMs }) => dueAtMs > nowMs);
    return this.repeats.splice(0, later < 0 ? this.repeats.length : later);
  }

  /** A call was not repeated: its host is told again from there on, with its next announcement. */
  fallBack(repeat: ForeignRepeat | undefined): void {
    const place = repeat && this.places.get(repeat.id);
    if (repeat === undefined || place?.epoch !== repeat.epoch) return;
    place.told = Math.min(place.told, repeat.seq - 1);
    place.isBehind = true;
  }
}
