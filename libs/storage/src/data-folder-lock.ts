import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ConfigError, errnoOf, toError } from '@pondhawk/core';
import type { SqliteDatabase } from './open-database.js';
import { syncDirectory } from './sync-directory.js';

/** What tells one data folder from a copy of it, and one boot of a machine from the next. */
export interface FolderIdentity {
  /** Kernel's random id of this boot; empty where the system has none. */
  readonly bootId: string;
  /** Device and inode of `lock.db`, in decimal. A copied or restored folder has others. */
  readonly device: string;
  readonly inode: string;
}

/** What a holder writes into `<folder>/lock`. */
export interface LockRecord extends FolderIdentity {
  readonly pid: number;
  /** The daemon's incarnation, if it has one; else empty. */
  readonly incarnation: string;
  /** Holders before it of this very folder in this very boot, newest first, at most `FORMERS_MAX`. */
  readonly formers: readonly string[];
}

/**
 * Names the folder in this boot: the same for all who hold its lock one after another, another one for
 * a copy of it. 32 hex digits; empty where boots cannot be told apart.
 */
export function folderLockOf({ bootId, device, inode }: FolderIdentity): string {
  if (bootId === '') return '';
  return createHash('sha256')
    .update(`${bootId}\n${device}\n${inode}`)
    .digest('hex')
    .slice(0, LOCK_HEX_DIGITS);
}

/** Which folder to lock, and for whom. */
export interface LockOptions {
  readonly directory: string;
  readonly incarnation?: string;
}

const LOCK_HEX_DIGITS = 32;
/** Former holders that a folder remembers. */
const FORMERS_MAX = 16;

const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';

/**
 * The exclusive use of a data folder by one daemon, from `acquire` to `release` or the end of the
 * process (also by `kill -9`).
 *
 * The lock itself is an exclusive transaction, never ended, on `<folder>/lock.db`: SQLite holds it
 * as a POSIX lock, which the kernel drops with the process. The side file `<folder>/lock` only tells
 * people and the next holder who had it; it is written after the lock is won. No code may open
 * `lock.db` by other means: closing any descriptor of it would drop the lock.
 */
export class DataFolderLock {
  private constructor(
    private readonly db: SqliteDatabase,
    readonly record: LockRecord,
    /** What the last holder wrote; absent in a new folder. */
    readonly former: LockRecord | undefined,
  ) {}

  /**
   * Takes the lock, creating the folder if need be.
   *
   * @throws ConfigError (`DATA_FOLDER_IN_USE`) if another daemon has it, (`DATA_FOLDER_UNUSABLE`)
   *   if the folder cannot be created or written.
   */
  static async acquire({ directory, incarnation = '' }: LockOptions): Promise<DataFolderLock> {
    const db = openLockDatabase(directory);
    try {
      const former = await readRecord(directory);
      if (!begin(db)) throw inUse(directory, former);
      const identity = await identify(directory);
      const formers = outlived(former, identity);
      const record = { pid: process.pid, incarnation, ...identity, formers };
      await writeRecord(directory, record);
      return new DataFolderLock(db, record, former);
    } catch (error) {
      db.close();
      throw error instanceof ConfigError ? error : unusable(directory, error);
    }
  }

  /** Gives the folder free. The side file stays, for the next holder. */
  release(): void {
    this.db.close();
  }
}

function openLockDatabase(directory: string): SqliteDatabase {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    return new Database(join(directory, 'lock.db'), { timeout: 0 });
  } catch (error) {
    throw unusable(directory, error);
  }
}

/** The incarnations that had this very folder in this very boot, and so are surely dead. */
function outlived(former: LockRecord | undefined, own: FolderIdentity): readonly string[] {
  const isSameFolder =
    former !== undefined &&
    own.bootId !== '' &&
    former.bootId === own.bootId &&
    former.device === own.device &&
    former.inode === own.inode;
  if (!isSameFolder || former.incarnation === '') return [];
  return [former.incarnation, ...former.formers].slice(0, FORMERS_MAX);
}

/** @returns false if another process or object has it. */
function begin(db: SqliteDatabase): boolean {
  try {
    db.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (errnoOf(error)?.startsWith('SQLITE_BUSY') === true) return false;
    throw error;
  }
}

async function identify(directory: string): Promise<FolderIdentity> {
  const { dev, ino } = await stat(join(directory, 'lock.db'), { bigint: true });
  return { bootId: await readBootId(), device: dev.toString(), inode: ino.toString() };
}

async function readBootId(): Promise<string> {
  try {
    return (await readFile(BOOT_ID_FILE, 'utf8')).trim();
  } catch {
    return ''; // Not Linux: every former holder then counts as another machine.
  }
}

async function readRecord(directory: string): Promise<LockRecord | undefined> {
  try {
    const raw: unknown = JSON.parse(await readFile(join(directory, 'lock'), 'utf8'));
    return isLockRecord(raw) ? { ...raw, formers: textsOf(raw.formers) } : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isLockRecord(raw: unknown): raw is LockRecord {
  if (typeof raw !== 'object' || raw === null) return false;
  const record = raw as Record<string, unknown>;
  return (
    typeof record['pid'] === 'number' &&
    ['incarnation', 'bootId', 'device', 'inode'].every((key) => typeof record[key] === 'string')
  );
}

/** Records of before this list came have none. */
function textsOf(raw: unknown): string[] {
  return Array.isArray(raw) ? raw.filter((one) => typeof one === 'string') : [];
}

async function writeRecord(directory: string, record: LockRecord): Promise<void> {
  const part = join(directory, 'lock.part');
  const handle = await open(part, 'w', 0o640);
  try {
    await handle.writeFile(`${JSON.stringify(record)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, join(directory, 'lock'));
  await syncDirectory(directory);
}

function inUse(directory: string, holder: LockRecord | undefined): ConfigError {
  const who = holder === undefined ? '' : ` by process ${holder.pid} (boot ${holder.bootId})`;
  return new ConfigError(
    'DATA_FOLDER_IN_USE',
    `Data folder ${directory} is in use${who}. Stop that daemon or set another dataDir.`,
    { details: { directory, ...(holder ? { pid: holder.pid, bootId: holder.bootId } : {}) } },
  );
}

function unusable(directory: string, error: unknown): ConfigError {
  return new ConfigError(
    'DATA_FOLDER_UNUSABLE',
    `Data folder ${directory} cannot be used: ${toError(error).message}. Check that it exists and that the daemon may write there.`,
    { cause: error },
  );
}
