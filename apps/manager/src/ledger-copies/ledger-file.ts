import { existsSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, toError } from '@pondhawk/core';
import { openDatabase, toStorageError, type SqliteDatabase } from '@pondhawk/storage';
import type { ManagerConfig } from '../config/manager.config.js';
import { DATABASE_FILE } from '../ledger-access/data-folder.js';

/** The first step of the schema of every ledger. */
const FIRST_STEP = 'first-tables';

/**
 * Path of the ledger in the data folder.
 *
 * @throws ConfigError (`LEDGER_IN_POSTGRES`) if it lies elsewhere.
 */
export function ledgerPathOf({ database, dataDir }: ManagerConfig): string {
  if (database.type === 'sqlite') return join(dataDir, DATABASE_FILE);
  throw new ConfigError(
    'LEDGER_IN_POSTGRES',
    'The ledger lies in PostgreSQL: back it up with pg_dump and restore it with pg_restore while no manager runs; then remove purge-log.witness from the data folder of every manager, so that the next start renews the log id.',
  );
}

/**
 * Looks whether there is a file that is a database by itself. It is not opened, and so not changed.
 *
 * @throws ConfigError (`BACKUP_UNUSABLE`) with the reason.
 */
export function requireBackupFile(path: string): void {
  if (!existsSync(path) || !statSync(path).isFile()) throw unusable(path, 'there is no such file');
  if (existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0) {
    throw unusable(path, 'a log (-wal) lies beside it, so it is a database in use and no backup');
  }
}

/**
 * Looks whether a database is sound, and a manager's ledger.
 *
 * @param named what to call it in an error.
 * @throws ConfigError (`BACKUP_UNUSABLE`) with the reason.
 */
export function checkLedgerFile(path: string, named: string): void {
  const db = openOr(path, (error) => unusable(named, 'it is no SQLite database', error));
  try {
    const check = db.pragma('quick_check(1)', { simple: true });
    if (check !== 'ok') throw unusable(named, `it is damaged: ${String(check)}`);
    if (firstStepOf(db) !== FIRST_STEP) throw unusable(named, "it is not a manager's ledger");
  } finally {
    db.close();
  }
}

/** Makes the bytes of a file durable. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } catch (error) {
    throw toStorageError(error);
  } finally {
    await file.close();
  }
}

function openOr(path: string, toFailure: (error: unknown) => Error): SqliteDatabase {
  try {
    return openDatabase({ path });
  } catch (error) {
    throw toFailure(error);
  }
}

function firstStepOf(db: SqliteDatabase): string | undefined {
  const hasTable = db
    .prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'`)
    .get();
  if (hasTable === undefined) return undefined;
  const step = db.prepare<[], { name: string }>('SELECT name FROM schema_migrations WHERE id = 1');
  return step.get()?.name;
}

function unusable(named: string, reason: string, cause?: unknown): ConfigError {
  return new ConfigError('BACKUP_UNUSABLE', `${named} cannot be restored: ${reason}.`, {
    ...(cause === undefined ? {} : { cause: toError(cause) }),
    details: { file: named },
  });
}
