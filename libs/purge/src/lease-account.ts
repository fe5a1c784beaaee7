import { type RowMeasure, leasedForMs } from './fence-rules.js';
import type { EnrolmentRow, LoggedPurge, PurgeTarget } from './purge-ledger.js';
import { PURGE_RULES, type PurgeRules } from './rules.js';
import { type LeaseTiming, boundMs } from './timing.js';

/** A purge as far as its clock is asked for. */
export type ClockedPurge = { readonly entry: Pick<LoggedPurge['entry'], 'seq'> };

/** A row as far as it is asked whether it counts. */
export type CountedRow = Pick<EnrolmentRow, 'connection' | 'scheduler' | 'isLost'>;

/** How often a scheduler's incarnation was given a view, and when that was last seen to change. */
interface SeenViews {
  readonly count: number;
  readonly changedAtMs: number;
}

/** In place of a number of views: there will be no more. */
const REPLACED = -1;

/** What one manager process has measured of a cluster by its monotonic clock; nothing of it is kept. */
export class LeaseAccount {
  private readonly views = new Map<string, SeenViews>();
  private readonly lostAt = new Map<string, number>();
  private readonly seenAt = new Map<number, number>();
  private readonly leftAt = new Map<string, number>(); // In the order of leaving.

  /** @param startedAtMs when the process began to measure; default now. */
  constructor(
    private readonly timing: () => LeaseTiming,
    private readonly monotonicMs: () => number,
    private readonly rules: PurgeRules = PURGE_RULES,
    private readonly startedAtMs = monotonicMs(),
  ) {}

  /** Notes a view for a scheduler's incarnation; to be called before the head is read (R5). */
  noteView(scheduler: string): void {
    this.seeViews(scheduler, (this.views.get(scheduler)?.count ?? 0) + 1);
  }

  /**
   * Notes how many views a scheduler's incarnation was given, by whichever manager. A number that was
   * not seen before is as new as this moment.
   */
  seeViews(scheduler: string, count: number): void {
    if (this.views.get(scheduler)?.count === count) return;
    this.views.set(scheduler, { count, changedAtMs: this.monotonicMs() });
  }

  /**
   * Notes that a scheduler's incarnation was replaced: another manager may have given it a view until
   * just before this process sees so.
   */
  seeReplaced(scheduler: string): void {
    this.seeViews(scheduler, REPLACED);
  }

  /** Notes that a connection was reported lost, to this manager now or to another one before. */
  noteLost(connection: string): void {
    if (!this.lostAt.has(connection)) this.lostAt.set(connection, this.monotonicMs());
  }

  /**
   * Notes that the host of a connection said that it leaves: it has given up its lease before, and its
   * row is deleted. Purges that wait for it need not; after one bound none does anyway.
   */
  noteLeft(connection: string): void {
    const nowMs = this.monotonicMs();
    for (const [former, atMs] of this.leftAt) {
      if (nowMs - atMs < boundMs(this.timing())) break;
      this.leftAt.delete(former);
    }
    this.leftAt.set(connection, nowMs);
  }

  /** Whether a connection was reported lost to this process. */
  hasLost(connection: string): boolean {
    return this.lostAt.has(connection);
  }

  /** Notes that an entry is committed. */
  noteCommit(seq: number): void {
    if (!this.seenAt.has(seq)) this.seenAt.set(seq, this.monotonicMs());
  }

  /** Drops what was measured of a connection whose row is deleted. */
  forgetConnection(connection: string): void {
    this.lostAt.delete(connection);
  }

  /** Drops what was measured of an entry that nobody asks for any more. */
  forgetCommit(seq: number): void {
    this.seenAt.delete(seq);
  }

  /** R9: whether a row counts as leased. */
  isLeased(row: CountedRow): boolean {
    return this.rules.countsAsLeased(this.measure(row), this.monotonicMs(), this.timing());
  }

  /** For how long it still does if nothing more is heard of it; 0 or less: it does not. For people to see. */
  leasedForMs(row: CountedRow): number {
    return leasedForMs(this.measure(row), this.monotonicMs(), this.timing());
  }

  /** R8: whether a target needs no answer any more. */
  isFenced(
    purge: ClockedPurge,
    target: Pick<PurgeTarget, 'connections'>,
    rows: readonly CountedRow[],
  ): boolean {
    if (this.isBoundOver(purge)) return true;
    if (this.isCautious()) return false;
    const own = rows.filter(({ connection }) => target.connections.includes(connection));
    return !own.some((row) => this.isLeased(row));
  }

  /** R9: whether a purge whose targets have all ended may end already. */
  mayEnd(purge: ClockedPurge): boolean {
    return !this.isCautious() || this.isBoundOver(purge);
  }

  /** R8, by the clock alone: nobody can have a lease any more that does not know the purge. */
  isBoundOver({ entry }: ClockedPurge): boolean {
    const seenAtMs = this.seenAt.get(entry.seq) ?? this.startedAtMs;
    return this.rules.isBoundOver(seenAtMs, this.monotonicMs(), this.timing());
  }

  /** R8: for how long hosts may still be waited for; 0 or less: no longer. For people to see. */
  boundLeftMs({ entry }: ClockedPurge): number {
    const seenAtMs = this.seenAt.get(entry.seq) ?? this.startedAtMs;
    return seenAtMs + boundMs(this.timing()) - this.monotonicMs();
  }

  private measure(row: CountedRow): RowMeasure {
    if (this.leftAt.has(row.connection)) return { lostAtMs: -Infinity, viewedAtMs: -Infinity };
    const lostAtMs = row.isLost ? (this.lostAt.get(row.connection) ?? this.startedAtMs) : undefined;
    return { lostAtMs, viewedAtMs: this.views.get(row.scheduler)?.changedAtMs ?? this.startedAtMs };
  }

  private isCautious(): boolean {
    return this.rules.isCautious(this.startedAtMs, this.monotonicMs(), this.timing());
  }
}
