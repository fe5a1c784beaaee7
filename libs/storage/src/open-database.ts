import Database from 'better-sqlite3';
import { ConfigError, errnoOf } from '@pondhawk/core';

/** An open SQLite database. Synchronous: keep statements short. */
export type SqliteDatabase = Database.Database;

/** How long a statement waits for another process's lock before it fails with SQLITE_BUSY. */
export const SQLITE_BUSY_TIMEOUT_MS = 5_000;

/** Where a database lies and how it is opened. */
export interface OpenDatabaseOptions {
  readonly path: string;
  /** Only reads; the file must exist. Default false. */
  readonly readOnly?: boolean;
}

/**
 * Opens (and creates) a database file and makes it durable: WAL, and an fsync at each commit. All
 * that is read from it is durable, also what a process that was killed had just written.
 *
 * Every pragma is read back, because SQLite ignores what it cannot do, and because `synchronous`
 * is a property of the connection that falls back to NORMAL when a WAL database is opened again.
 *
 * @throws ConfigError (`DATABASE_CANNOT_OPEN`) if the file cannot be opened,
 *   (`DATABASE_PRAGMA_REFUSED`) if a pragma does not take, as on a file system without shared memory.
 */
export function openDatabase(options: OpenDatabaseOptions): SqliteDatabase {
  const db = open(options);
  try {
    setPragma(db, 'busy_timeout', { set: SQLITE_BUSY_TIMEOUT_MS, want: SQLITE_BUSY_TIMEOUT_MS });
    if (options.readOnly !== true) setPragma(db, 'journal_mode', { set: 'WAL', want: 'wal' });
    setPragma(db, 'synchronous', { set: 'FULL', want: 2 });
    setPragma(db, 'foreign_keys', { set: 'ON', want: 1 });
    if (options.readOnly !== true) syncWhatIsRead(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function open({ path, readOnly = false }: OpenDatabaseOptions): SqliteDatabase {
  try {
    return new Database(path, { readonly: readOnly, fileMustExist: readOnly });
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

function setPragma(
  db: SqliteDatabase,
  name: string,
  { set, want }: { set: string | number; want: string | number },
): void {
  let got: unknown;
  try {
    db.pragma(`${name} = ${set}`);
    got = db.pragma(name, { simple: true });
  } catch (error) {
    throw cannotOpen(db.name, error);
  }
  if (got !== want) {
    throw new ConfigError(
      'DATABASE_PRAGMA_REFUSED',
      `Database ${db.name} does not take PRAGMA ${name} = ${set} (it says ${String(got)}). Put the data folder on a local disk.`,
      { details: { pragma: name } },
    );
  }
}

/** A process that was killed between a commit and its fsync leaves what can be read, but is not durable. */
function syncWhatIsRead(db: SqliteDatabase): void {
  try {
    db.pragma('wal_checkpoint(PASSIVE)');
  } catch (error) {
    // The log is synced first; only for taking its pages over there may be no room.
    if (errnoOf(error) !== 'SQLITE_FULL') throw cannotOpen(db.name, error);
  }
}

function cannotOpen(path: string, error: unknown): ConfigError {
  return new ConfigError(
    'DATABASE_CANNOT_OPEN',
    `Database ${path} cannot be opened (${errnoOf(error) ?? 'no code'}). Check that the folder exists, is writable, and that the file is a database of ours.`,
    { cause: error },
  );
}
