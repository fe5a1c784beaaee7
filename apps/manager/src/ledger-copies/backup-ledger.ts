import { existsSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError, errnoOf } from '@pondhawk/core';
import { openDatabase, syncDirectory, toStorageError } from '@pondhawk/storage';
import Database from 'better-sqlite3';
import type { ManagerConfig } from '../config/manager.config.js';
import { checkLedgerFile, ledgerPathOf, syncFile } from './ledger-file.js';

/** Passwords and tokens are in it, though only as hashes. */
const OWNER_ONLY = 0o600;
/** All in one step: a backup in several begins anew whenever the manager commits between them. */
const ALL_PAGES = 0x7fff_ffff;

/**
 * Writes the ledger as it stands in one moment into a new file, while its manager runs or not.
 *
 * The file is there whole and durable, or not at all.
 *
 * @returns its length in bytes.
 * @throws ConfigError (`BACKUP_EXISTS`, `BACKUP_UNWRITABLE`, `LEDGER_IN_POSTGRES`, `DATABASE_CANNOT_OPEN`),
 *   UnavailableError (`DISK_FULL`, `DISK_ERROR`).
 */
export async function backUpLedger(config: ManagerConfig, file: string): Promise<number> {
  const source = ledgerPathOf(config);
  if (existsSync(file)) {
    throw new ConfigError('BACKUP_EXISTS', `${file} exists already. Name a new file.`);
  }
  if (!existsSync(source)) {
    throw new ConfigError(
      'DATABASE_CANNOT_OPEN',
      `There is no ledger at ${source}. Check dataDir, or --config.`,
    );
  }
  const part = `${file}.part`;
  try {
    await createEmpty(part);
    await copyPages(source, part);
    asOneFile(part);
    checkLedgerFile(part, part);
    asOneFile(part);
    await syncFile(part);
    await rename(part, file);
    await syncDirectory(dirname(file));
    return (await stat(file)).size;
  } catch (error) {
    await rm(part, { force: true });
    throw toStorageError(error);
  }
}

async function createEmpty(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
    await (await open(path, 'wx', OWNER_ONLY)).close();
  } catch (error) {
    throw new ConfigError(
      'BACKUP_UNWRITABLE',
      `${path} cannot be written (${errnoOf(error) ?? 'no code'}). Name a file in a folder that exists and can be written.`,
      { cause: error },
    );
  }
}

async function copyPages(source: string, target: string): Promise<void> {
  const db = openDatabase({ path: source, readOnly: true });
  try {
    await db.backup(target, { progress: () => ALL_PAGES });
  } finally {
    db.close();
  }
}

/** Without a log beside it, so that the one file is all. */
function asOneFile(path: string): void {
  const db = new Database(path);
  try {
    db.pragma('journal_mode = DELETE');
  } finally {
    db.close();
  }
}
