import type { EnrolmentRow, LoggedPurge, PurgeTarget } from './purge-ledger.js';
import { PURGE_RULES, type PurgeRules } from './rules.js';
import type { LeaseTiming } from './timing.js';

/** What one manager process has measured by its monotonic clock; nothing of it is kept. */
export class LeaseAccount {
  private readonly startedAtMs: number;
  private readonly viewedAt = new Map<string, number>();
  private readonly lostAt = new Map<string, number>();
  private readonly seenAt = new Map<number, number>();

  constructor(
    private readonly timing: LeaseTiming,
    private readonly monotonicMs: () => number,
    private readonly rules: PurgeRules = PURGE_RULES,
  ) {
    this.startedAtMs = monotonicMs();
  }

  /** Notes a view for a scheduler's incarnation; to be called before the head is read (R5). */
  noteView(scheduler: string): void {
    this.viewedAt.set(scheduler, this.monotonicMs());
  }

  /** Notes that a connection was reported lost. */
  noteLost(connection: string): void {
    if (!this.lostAt.has(connection)) this.lostAt.set(connection, this.monotonicMs());
  }

  /** Notes that an entry is committed. */
  noteCommit(seq: number): void {
    this.seenAt.set(seq, this.monotonicMs());
  }

  /** R9: whether a row counts as leased. */
  isLeased(row: EnrolmentRow): boolean {
    const lostAtMs = row.isLost ? (this.lostAt.get(row.connection) ?? this.startedAtMs) : undefined;
    const viewedAtMs = this.viewedAt.get(row.scheduler) ?? this.startedAtMs;
    return this.rules.countsAsLeased({ lostAtMs, viewedAtMs }, this.monotonicMs(), this.timing);
  }

  /** R8: whether a target needs no answer any more. */
  isFenced(purge: LoggedPurge, target: PurgeTarget, rows: readonly EnrolmentRow[]): boolean {
    if (this.isBoundOver(purge)) return true;
    if (this.isCautious()) return false;
    const own = rows.filter(({ connection }) => target.connections.includes(connection));
    return !own.some((row) => this.isLeased(row));
  }

  /** R9: whether a purge whose targets have all ended may end already. */
  mayEnd(purge: LoggedPurge): boolean {
    return !this.isCautious() || this.isBoundOver(purge);
  }

  private isCautious(): boolean {
    return this.rules.isCautious(this.startedAtMs, this.monotonicMs(), this.timing);
  }

  private isBoundOver({ entry }: LoggedPurge): boolean {
    const seenAtMs = this.seenAt.get(entry.seq) ?? this.startedAtMs;
    return this.rules.isBoundOver(seenAtMs, this.monotonicMs(), this.timing);
  }
}
