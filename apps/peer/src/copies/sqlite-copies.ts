import type { CopyId, LogPosition, TaskId } from '@pondhawk/core';
import { hideUrlSecrets } from '@pondhawk/pieces';
import { commitUnsynced, type SqliteDatabase } from '@pondhawk/storage';
import type { Copy, CopyState, CopyUpdate, Piece, PurgedCopy, Validator } from './copy.js';

interface CopyRow {
  readonly copy_id: CopyId;
  readonly task_id: TaskId;
  readonly url: string;
  readonly tag: string;
  readonly application: string;
  readonly filtered_query_params: string;
  readonly digest: string | null;
  readonly piece_length_bytes: number;
  readonly content_length_bytes: number | null;
  readonly validator_etag: string;
  readonly validator_last_modified: string;
  readonly validator_length_bytes: number | null;
  readonly log_epoch: string;
  readonly filled_at: number;
  readonly state: CopyState;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
  readonly finished_at_ms: number | null;
}

interface PieceRow {
  readonly number: number;
  readonly offset_bytes: number;
  readonly length_bytes: number;
  readonly crc32: number;
  readonly sha256: Buffer;
  readonly origin_host_id: string;
  readonly parent_id: string | null;
  readonly created_at_ms: number;
}

interface PurgedRow {
  readonly task_id: TaskId;
  readonly copy_id: CopyId;
  readonly stored_bytes: number;
}

/** A page of copies is at most this long. */
export const COPY_PAGE_MAX = 500;

const PURGED = `SELECT task_id, copy_id,
  (SELECT coalesce(sum(length_bytes), 0) FROM pieces WHERE pieces.copy_id = copies.copy_id) AS stored_bytes
  FROM copies WHERE state = 'purged'`;

/** The rows of copies and pieces. Every call is one durable transaction and returns after its fsync. */
export class SqliteCopies {
  private readonly statements: ReturnType<typeof prepare>;

  constructor(private readonly db: SqliteDatabase) {
    this.statements = prepare(db);
  }

  /** The purge log's epoch and number in force on this host. */
  readLogPosition(): LogPosition {
    const row = this.statements.logPosition.get();
    return { logEpoch: row?.log_epoch ?? '', seq: row?.applied ?? 0 };
  }

  /** @returns false if the task has a fill already. */
  insert(copy: Copy): boolean {
    return (
      this.statements.insertCopy.run({
        copy_id: copy.copyId,
        task_id: copy.taskId,
        // Only ever shown, to whoever may list tasks.
        url: hideUrlSecrets(copy.url, copy.filteredQueryParams),
        tag: copy.tag,
        application: copy.application,
        filtered_query_params: JSON.stringify(copy.filteredQueryParams),
        digest: copy.digest ?? null,
        piece_length_bytes: copy.pieceLength,
        content_length_bytes: copy.contentLength ?? null,
        validator_etag: copy.validator.etag,
        validator_last_modified: copy.validator.lastModified,
        validator_length_bytes: copy.validator.contentLength ?? null,
        log_epoch: copy.logEpoch,
        filled_at: copy.filledAt,
        state: copy.state,
        created_at_ms: copy.createdAtMs,
        updated_at_ms: copy.updatedAtMs,
        finished_at_ms: copy.finishedAtMs ?? null,
      }).changes === 1
    );
  }

  /** Any copy by its id. */
  find(copyId: CopyId): Copy | undefined {
    return toCopy(this.statements.findCopy.get(copyId));
  }

  /** The newest copy of a task in this state. */
  findByTask(taskId: TaskId, state: CopyState): Copy | undefined {
    return toCopy(this.statements.findByTask.get(taskId, state));
  }

  /** Every copy of a task, purged ones too. */
  listByTask(taskId: TaskId): Copy[] {
    return this.statements.listByTask.all(taskId).map(mapCopy);
  }

  /** Copies in order of copy id, after `afterCopyId`. */
  listPage(afterCopyId: string, limit = COPY_PAGE_MAX): Copy[] {
    return this.statements.listPage.all(afterCopyId, limit).map(mapCopy);
  }

  /** Tasks of which there is a copy that is not purged, in order, after `afterTaskId`. */
  listTasks(afterTaskId: string, limit: number): TaskId[] {
    return this.statements.listTasks.all(afterTaskId, limit).map(({ task_id }) => task_id);
  }

  /** Whether there is a copy of the task that is not purged. */
  hasTask(taskId: TaskId): boolean {
    return this.statements.hasTask.get(taskId) !== undefined;
  }

  /** Complete copies in order of task id, and how many there are in all. */
  listComplete(limit: number): { readonly copies: Copy[]; readonly totalCount: number } {
    const copies = this.statements.listComplete.all(limit).map(mapCopy);
    return { copies, totalCount: this.statements.countComplete.get()?.count ?? 0 };
  }

  /** Pieces of a copy in order of number. */
  listPieces(copyId: CopyId): Piece[] {
    return this.statements.listPieces.all(copyId).map(mapPiece);
  }

  /** One piece of a copy. */
  findPiece(copyId: CopyId, number: number): Piece | undefined {
    const row = this.statements.findPiece.get(copyId, number);
    return row === undefined ? undefined : mapPiece(row);
  }

  /** @returns false, and changes nothing, if the copy is no longer filling. */
  update(copyId: CopyId, update: CopyUpdate & { readonly validator: Validator }): boolean {
    return (
      this.statements.updateFacts.run({
        copy_id: copyId,
        content_length_bytes: update.contentLength ?? null,
        piece_length_bytes: update.pieceLength ?? null,
        validator_etag: update.validator.etag,
        validator_last_modified: update.validator.lastModified,
        validator_length_bytes: update.validator.contentLength ?? null,
      }).changes === 1
    );
  }

  /** @returns false, and writes nothing, if the copy is no longer filling. */
  insertPieces(copyId: CopyId, pieces: readonly Piece[]): boolean {
    return this.db.transaction(() => {
      if (this.statements.isFilling.get(copyId) === undefined) return false;
      for (const piece of pieces) {
        this.statements.insertPiece.run({
          copy_id: copyId,
          number: piece.number,
          offset_bytes: piece.offset,
          length_bytes: piece.length,
          crc32: piece.crc32,
          sha256: piece.sha256,
          origin_host_id: piece.originHostId,
          parent_id: piece.parentId ?? null,
          created_at_ms: piece.createdAtMs,
        });
      }
      return true;
    })();
  }

  /** Forgets pieces whose bytes are not what they were. */
  deletePieces(copyId: CopyId, numbers: readonly number[]): void {
    this.db.transaction(() => {
      for (const number of numbers) this.statements.deletePiece.run(copyId, number);
    })();
  }

  /** Back from complete to filling, after a piece was lost. @returns false if not complete, or the task has a fill. */
  reopen(copyId: CopyId): boolean {
    return this.statements.reopen.run(copyId).changes === 1;
  }

  /** @returns false, and changes nothing, if the copy is no longer filling. */
  complete(copyId: CopyId, at: { contentLength: number; nowMs: number }): boolean {
    return this.statements.complete.run(at.contentLength, at.nowMs, at.nowMs, copyId).changes === 1;
  }

  /** Marks these copies purged in one transaction. @returns those that were not so before. */
  markPurged(copyIds: readonly CopyId[]): CopyId[] {
    return this.db.transaction(() =>
      copyIds.filter((copyId) => this.statements.markPurged.run(copyId).changes === 1),
    )();
  }

  /** Marked copies whose rows are still there: of one task, or of all. */
  listPurged(taskId?: TaskId): PurgedCopy[] {
    const rows =
      taskId === undefined
        ? this.statements.listPurged.all()
        : this.statements.listPurgedOfTask.all(taskId);
    return rows.map((row) => ({
      taskId: row.task_id,
      copyId: row.copy_id,
      storedBytes: row.stored_bytes,
    }));
  }

  /** Removes the rows of purged copies, with their pieces; rows that a power failure brings back are removed again by the next start. */
  deletePurged(copyIds: readonly CopyId[]): void {
    commitUnsynced(this.db, () => {
      for (const copyId of copyIds) this.statements.deletePurged.run(copyId);
    });
  }

  /** Writes times of use. */
  touch(uses: ReadonlyMap<CopyId, number>): void {
    this.db.transaction(() => {
      for (const [copyId, atMs] of uses) this.statements.touch.run(atMs, copyId);
    })();
  }

  /** Sum of the lengths of all whole pieces, or of one copy's. */
  storedBytes(copyId?: CopyId): number {
    const row =
      copyId === undefined
        ? this.statements.storedBytes.get()
        : this.statements.storedBytesOf.get(copyId);
    return row?.bytes ?? 0;
  }

  /** Number of copies that are not purged. */
  count(): number {
    return this.statements.count.get()?.count ?? 0;
  }
}

// The types of the statements are only here; one place knows the columns.
function prepare(db: SqliteDatabase) {
  return {
    ...preparePieces(db),
    ...prepareInventory(db),
    logPosition: db.prepare<[], { log_epoch: string; applied: number }>(
      'SELECT log_epoch, applied FROM purge_log WHERE id = 1',
    ),
    insertCopy: db.prepare<[Record<string, unknown>], never>(`INSERT INTO copies VALUES (
      @copy_id, @task_id, @url, @tag, @application, @filtered_query_params, @digest,
      @piece_length_bytes, @content_length_bytes, @validator_etag, @validator_last_modified,
      @validator_length_bytes, @log_epoch, @filled_at, @state, @created_at_ms, @updated_at_ms,
      @finished_at_ms) ON CONFLICT DO NOTHING`),
    findCopy: db.prepare<[string], CopyRow>('SELECT * FROM copies WHERE copy_id = ?'),
    findByTask: db.prepare<[string, string], CopyRow>(
      `SELECT * FROM copies WHERE task_id = ? AND state = ? ORDER BY finished_at_ms DESC LIMIT 1`,
    ),
    listByTask: db.prepare<[string], CopyRow>('SELECT * FROM copies WHERE task_id = ?'),
    listPage: db.prepare<[string, number], CopyRow>(
      'SELECT * FROM copies WHERE copy_id > ? ORDER BY copy_id LIMIT ?',
    ),
    isFilling: db.prepare<[string]>(`SELECT 1 FROM copies WHERE copy_id = ? AND state = 'filling'`),
    updateFacts: db.prepare<[Record<string, unknown>], never>(`UPDATE copies SET
      content_length_bytes = coalesce(@content_length_bytes, content_length_bytes),
      piece_length_bytes = coalesce(@piece_length_bytes, piece_length_bytes),
      validator_etag = @validator_etag, validator_last_modified = @validator_last_modified,
      validator_length_bytes = @validator_length_bytes
      WHERE copy_id = @copy_id AND state = 'filling'`),
    complete: db.prepare<
      [number, number, number, string],
      never
    >(`UPDATE copies SET state = 'complete',
      content_length_bytes = ?, finished_at_ms = ?, updated_at_ms = ?
      WHERE copy_id = ? AND state = 'filling'`),
    reopen: db.prepare<[string], never>(`UPDATE OR IGNORE copies SET state = 'filling',
      finished_at_ms = NULL WHERE copy_id = ? AND state = 'complete'`),
    markPurged: db.prepare<[string], never>(
      `UPDATE copies SET state = 'purged' WHERE copy_id = ? AND state <> 'purged'`,
    ),
    listPurged: db.prepare<[], PurgedRow>(PURGED),
    listPurgedOfTask: db.prepare<[string], PurgedRow>(`${PURGED} AND task_id = ?`),
    deletePurged: db.prepare<[string], never>(
      `DELETE FROM copies WHERE copy_id = ? AND state = 'purged'`,
    ),
    touch: db.prepare<[number, string], never>(
      'UPDATE copies SET updated_at_ms = max(updated_at_ms, ?) WHERE copy_id = ?',
    ),
    storedBytes: db.prepare<[], { bytes: number | null }>(
      'SELECT sum(length_bytes) AS bytes FROM pieces',
    ),
    storedBytesOf: db.prepare<[string], { bytes: number | null }>(
      'SELECT sum(length_bytes) AS bytes FROM pieces WHERE copy_id = ?',
    ),
    count: db.prepare<[], { count: number }>(
      `SELECT count(*) AS count FROM copies WHERE state <> 'purged'`,
    ),
  };
}

// As for `prepare`.
function prepareInventory(db: SqliteDatabase) {
  return {
    listTasks: db.prepare<[string, number], { task_id: TaskId }>(
      `SELECT DISTINCT task_id FROM copies WHERE task_id > ? AND state <> 'purged'
       ORDER BY task_id LIMIT ?`,
    ),
    hasTask: db.prepare<[string]>(
      `SELECT 1 FROM copies WHERE task_id = ? AND state <> 'purged' LIMIT 1`,
    ),
    listComplete: db.prepare<[number], CopyRow>(
      `SELECT * FROM copies WHERE state = 'complete' ORDER BY task_id LIMIT ?`,
    ),
    countComplete: db.prepare<[], { count: number }>(
      `SELECT count(*) AS count FROM copies WHERE state = 'complete'`,
    ),
  };
}

// As for `prepare`.
function preparePieces(db: SqliteDatabase) {
  return {
    insertPiece: db.prepare<
      [Record<string, unknown>],
      never
    >(`INSERT OR REPLACE INTO pieces VALUES (
      @copy_id, @number, @offset_bytes, @length_bytes, @crc32, @sha256, @origin_host_id,
      @parent_id, @created_at_ms)`),
    deletePiece: db.prepare<[string, number], never>(
      'DELETE FROM pieces WHERE copy_id = ? AND number = ?',
    ),
    listPieces: db.prepare<[string], PieceRow>(
      'SELECT * FROM pieces WHERE copy_id = ? ORDER BY number',
    ),
    findPiece: db.prepare<[string, number], PieceRow>(
      'SELECT * FROM pieces WHERE copy_id = ? AND number = ?',
    ),
  };
}

function toCopy(row: CopyRow | undefined): Copy | undefined {
  return row === undefined ? undefined : mapCopy(row);
}

function mapCopy(row: CopyRow): Copy {
  return {
    taskId: row.task_id,
    copyId: row.copy_id,
    url: row.url,
    tag: row.tag,
    application: row.application,
    filteredQueryParams: JSON.parse(row.filtered_query_params) as string[],
    digest: row.digest ?? undefined,
    pieceLength: row.piece_length_bytes,
    contentLength: row.content_length_bytes ?? undefined,
    validator: {
      etag: row.validator_etag,
      lastModified: row.validator_last_modified,
      ...(row.validator_length_bytes === null ? {} : { contentLength: row.validator_length_bytes }),
    },
    logEpoch: row.log_epoch,
    filledAt: row.filled_at,
    state: row.state,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
    finishedAtMs: row.finished_at_ms ?? undefined,
  };
}

function mapPiece(row: PieceRow): Piece {
  return {
    number: row.number,
    offset: row.offset_bytes,
    length: row.length_bytes,
    crc32: row.crc32,
    sha256: row.sha256,
    originHostId: row.origin_host_id,
    parentId: row.parent_id ?? undefined,
    createdAtMs: row.created_at_ms,
  };
}
