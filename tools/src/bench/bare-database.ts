/** The floors of a ledger: rows committed durably in sets, and a page read through an index. */

import { openDatabase } from '@pondhawk/storage';

const ROWS_PER_COMMIT = 100;

type Row = readonly [taskId: string, body: string];

/** A database of one table with an index, from `open` to `close`. */
export class BareDatabase {
  private readonly database;

  constructor(file: string) {
    this.database = openDatabase({ path: file });
    this.database.exec(
      'CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, task_id TEXT NOT NULL, body TEXT NOT NULL)',
    );
  }

  /** Commits rows a hundred at a time, each commit synced. @returns rows a second. */
  commitAll(rows: readonly Row[]): number {
    const insert = this.database.prepare('INSERT INTO rows (task_id, body) VALUES (?, ?)');
    const commit = this.database.transaction((set: readonly Row[]) => {
      for (const [taskId, body] of set) insert.run(taskId, body);
    });
    const startedAt = performance.now();
    for (let at = 0; at < rows.length; at += ROWS_PER_COMMIT) {
      commit(rows.slice(at, at + ROWS_PER_COMMIT));
    }
    return (rows.length * 1_000) / (performance.now() - startedAt);
  }

  close(): void {
    this.database.close();
  }
}

/** A ledger's jobs, read beside its manager. */
export class LedgerReading {
  private readonly page;
  private readonly database;

  constructor(file: string) {
    this.database = openDatabase({ path: file, readOnly: true });
    this.page = this.database.prepare(
      'SELECT * FROM jobs ORDER BY created_at_ms DESC, id DESC LIMIT ? OFFSET ?',
    );
  }

  /** Reads one page of jobs, newest first. @returns ms. */
  readPage(perPage: number, page: number): number {
    const startedAt = performance.now();
    const rows = this.page.all(perPage, (page - 1) * perPage);
    const ms = performance.now() - startedAt;
    if (rows.length !== perPage) throw new Error(`${rows.length} of ${perPage} jobs were read.`);
    return ms;
  }

  close(): void {
    this.database.close();
  }
}
