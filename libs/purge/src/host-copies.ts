import type { TaskId } from '@pondhawk/core';
import type { CopyRow, Place } from './copy-rules.js';
import type { LogState, PurgeEntry } from './purge-entry.js';
import { PURGE_RULES, type PurgeRules } from './rules.js';

/** A copy's row while it is held in memory. */
export type StoredCopy = { -readonly [Key in keyof CopyRow]: CopyRow[Key] };

/** What a host has on disk of the protocol: where it stands, and its copies. Each call is a transaction. */
export class HostCopies {
  private rows: StoredCopy[];

  constructor(
    private current: Place,
    rows: readonly CopyRow[] = [],
    private readonly rules: PurgeRules = PURGE_RULES,
  ) {
    this.rows = rows.map((row) => ({ ...row }));
  }

  /** Log id and number up to which all is applied. */
  get place(): Place {
    return this.current;
  }

  /** All copies that have a row. */
  get copies(): readonly Readonly<StoredCopy>[] {
    return this.rows;
  }

  /** Writes the row of a fill, before its first byte is asked for. */
  begin(copyId: string, taskId: TaskId): CopyRow {
    const { applied } = this.current;
    const filledAt = this.rules.filledAtOf({ atRow: applied, atEnd: Infinity });
    const row: StoredCopy = { copyId, taskId, filledAt, state: 'filling' };
    this.rows.push(row);
    return row;
  }

  /** The fill that an arriving piece may be stored in. */
  fillOf(piece: { readonly taskId: TaskId; readonly copyId: string }): CopyRow | undefined {
    return this.rules.fillOfPiece(this.rows, piece);
  }

  /** @returns whether the copy is complete now. */
  complete(copyId: string): boolean {
    const row = this.rows.find((copy) => copy.copyId === copyId);
    if (row === undefined || !this.rules.mayComplete(row)) return false;
    row.state = 'complete';
    return true;
  }

  /** Gives up a fill. @returns whether there was one. */
  abort(copyId: string): boolean {
    const row = this.rows.find((copy) => copy.copyId === copyId && copy.state === 'filling');
    if (row !== undefined) row.state = 'purged';
    return row !== undefined;
  }

  /** Follows a log that was named, dropping everything if it must (R7). @returns whether it did. */
  follow(log: LogState): boolean {
    if (!this.rules.mustDropAll(this.current, log)) return false;
    for (const row of this.rows) if (this.rules.isDroppedByReset(row)) row.state = 'purged';
    const applied =
      this.current.epoch === log.epoch ? Math.max(log.head, this.current.applied) : log.head;
    this.current = { epoch: log.epoch, applied };
    return true;
  }

  /** Applies the entries that follow, in order; others are left. @returns how many were applied. */
  apply(epoch: string, entries: readonly PurgeEntry[]): number {
    if (epoch !== this.current.epoch) return 0;
    let count = 0;
    for (const entry of entries) {
      if (!this.rules.isNextEntry(this.current, entry)) continue;
      for (const row of this.rows) if (this.rules.isPurgedBy(row, entry)) row.state = 'purged';
      this.current = { epoch, applied: entry.seq };
      count += 1;
    }
    return count;
  }

  /** Deletes the rows of purged copies, once their files are gone. */
  sweep(): void {
    this.rows = this.rows.filter(({ state }) => state !== 'purged');
  }
}
