import type { CopyId, TaskId } from '@pondhawk/core';
import type { LogState, PurgeEntry } from '@pondhawk/purge';
import { commitUnsynced, type SqliteDatabase } from '@pondhawk/storage';

/** Where this host stands in the purge log. */
export interface AppliedPosition {
  readonly epoch: string;
  /** This number and all before it are applied. */
  readonly applied: number;
  /** Chain hash at `applied`; empty where it is not known. */
  readonly hash: string;
}

/** What one entry removes from this host; kept so that its answer is the same however often it is asked. */
export interface PurgeResult {
  readonly seq: number;
  readonly taskId: TaskId;
  readonly copies: number;
  readonly deletedBytes: number;
}

/** Results kept; older purges are answered as absent if they are ever asked for again. */
export const RESULTS_KEPT_MAX = 1_000;

interface ResultRow {
  readonly seq: number;
  readonly task_id: TaskId;
  readonly copies: number;
  readonly deleted_bytes: number;
}

/** The rows of the purge log on this host. Every call is one transaction, and durable unless it says otherwise. */
export class SqlitePurges {
  private readonly statements: ReturnType<typeof prepare>;
  private position: AppliedPosition | undefined; // As in the row, which is asked for at each write of content.

  constructor(private readonly db: SqliteDatabase) {
    this.statements = prepare(db);
  }

  /** Where this host stands. */
  readPosition(): AppliedPosition {
    this.position ??= this.loadPosition();
    return this.position;
  }

  /**
   * Applies entries that follow one another and `applied`, all or none: marks the copies of their
   * tasks that were begun before them, and raises `applied`.
   *
   * @returns the copies that were marked.
   */
  apply(entries: readonly PurgeEntry[]): CopyId[] {
    return this.movePosition(() => entries.flatMap((entry) => this.applyOne(entry)));
  }

  /** Takes over another log: marks every copy that was not begun under it. @returns those. */
  adopt(state: LogState): CopyId[] {
    return this.movePosition(() => {
      const marked = this.statements.markAll.all();
      this.statements.forgetResults.run(Number.MAX_SAFE_INTEGER);
      this.statements.setPosition.run(state.epoch, state.head, state.headHash);
      return marked.map(({ copy_id }) => copy_id);
    });
  }

  /** What a purge removed here; undefined if nothing, or if it was too long ago. */
  findResult(seq: number): PurgeResult | undefined {
    const row = this.statements.findResult.get(seq);
    return row && toResult(row);
  }

  /** Adds what a purge removed beyond what it had marked: leavings of a former one. */
  addResult(result: PurgeResult): void {
    const { seq, taskId, copies, deletedBytes } = result;
    this.statements.insertResult.run(seq, taskId, copies, deletedBytes);
  }

  /** Results that no scheduler was told of. */
  listUntold(): PurgeResult[] {
    return this.statements.listUntold.all().map(toResult);
  }

  /** Remembers that a scheduler was told; what a power failure takes back is told once more. */
  markTold(seqs: readonly number[]): void {
    if (seqs.length === 0) return;
    commitUnsynced(this.db, () => {
      for (const seq of seqs) this.statements.markTold.run(seq);
    });
  }

  private loadPosition(): AppliedPosition {
    const row = this.statements.position.get();
    return {
      epoch: row?.log_epoch ?? '',
      applied: row?.applied ?? 0,
      hash: row?.applied_hash ?? '',
    };
  }

  /** One transaction, after which the row is read anew. */
  private movePosition<T>(move: () => T): T {
    try {
      return this.db.transaction(move)();
    } finally {
      this.position = undefined;
    }
  }

  private applyOne({ seq, taskId, chainHash }: PurgeEntry): CopyId[] {
    const { epoch } = this.loadPosition();
    const marked = this.statements.mark.all(taskId, epoch, seq);
    if (marked.length > 0) {
      const bytes = marked.reduce(
        (sum, { copy_id }) => sum + (this.statements.storedBytes.get(copy_id)?.bytes ?? 0),
        0,
      );
      this.statements.insertResult.run(seq, taskId, marked.length, bytes);
      this.statements.forgetResults.run(seq - RESULTS_KEPT_MAX);
    }
    this.statements.setPosition.run(epoch, seq, chainHash);
    return marked.map(({ copy_id }) => copy_id);
  }
}

// The types of the statements are only here; one place knows the columns.
function prepare(db: SqliteDatabase) {
  return {
    position: db.prepare<[], { log_epoch: string; applied: number; applied_hash: string }>(
      'SELECT log_epoch, applied, applied_hash FROM purge_log WHERE id = 1',
    ),
    setPosition: db.prepare<[string, number, string], never>(
      'UPDATE purge_log SET log_epoch = ?, applied = ?, applied_hash = ? WHERE id = 1',
    ),
    mark: db.prepare<[string, string, number], { copy_id: CopyId }>(
      `UPDATE copies SET state = 'purged' WHERE task_id = ? AND state <> 'purged'
       AND (log_epoch <> ? OR filled_at < ?) RETURNING copy_id`,
    ),
    markAll: db.prepare<[], { copy_id: CopyId }>(
      `UPDATE copies SET state = 'purged' WHERE state <> 'purged' RETURNING copy_id`,
    ),
    storedBytes: db.prepare<[string], { bytes: number | null }>(
      'SELECT sum(length_bytes) AS bytes FROM pieces WHERE copy_id = ?',
    ),
    insertResult: db.prepare<[number, string, number, number], never>(
      'INSERT OR IGNORE INTO purge_results VALUES (?, ?, ?, ?, 0)',
    ),
    findResult: db.prepare<[number], ResultRow>('SELECT * FROM purge_results WHERE seq = ?'),
    forgetResults: db.prepare<[number], never>('DELETE FROM purge_results WHERE seq <= ?'),
    listUntold: db.prepare<[], ResultRow>(
      'SELECT * FROM purge_results WHERE is_told = 0 ORDER BY seq',
    ),
    markTold: db.prepare<[number], never>('UPDATE purge_results SET is_told = 1 WHERE seq = ?'),
  };
}

function toResult(row: ResultRow): PurgeResult {
  return {
    seq: row.seq,
    taskId: row.task_id,
    copies: row.copies,
    deletedBytes: row.deleted_bytes,
  };
}
