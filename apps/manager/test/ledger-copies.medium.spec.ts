import { chmod, copyFile, readFile, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { NoFaults, type FaultPoint } from '@pondhawk/core';
import { Secret } from '@pondhawk/config';
import { SystemClock } from '@pondhawk/observability';
import { DataFolderLock } from '@pondhawk/storage';
import { makeTempDir, runCommand } from '@pondhawk/testing';
import { ManagerConfig } from '../src/config/manager.config.js';
import { WITNESS_FILE, WitnessFile } from '../src/ledger-access/witness-file.js';
import { backUpLedger, restoreLedger } from '../src/ledger-copies/index.js';
import { openLedger, type Ledger } from '../src/ledger/index.js';
import { OPEN_OPTIONS, aJob } from './ledger-fixtures.js';

const COMMAND = join(__dirname, '..', 'bin', 'pondhawk-manager.js');
const COMMAND_TIMEOUT_MS = 20_000;
/** What `runCommand` says of a process that was killed. */
const KILLED = 128;

describe('Backup and restore of the ledger', () => {
  let dir: string;
  let remove: () => Promise<void>;
  let config: ManagerConfig;

  beforeEach(async () => {
    const folder = await makeTempDir();
    dir = folder.path;
    remove = () => folder.remove();
    config = new ManagerConfig();
    config.dataDir = dir;
  });
  afterEach(() => remove());

  const path = (name: string): string => join(dir, name);
  const accept = (ledger: Ledger): Promise<unknown> => ledger.writer.execute('accept-job', aJob());
  const look = (): Promise<unknown> =>
    withLedger(async ({ reader, purgeLogAlarm }) => ({
      ...(await reader.findLogState(1))!,
      alarm: await reader.findPurgeLogAlarm(),
      purgeLogAlarm,
    }));

  /** What a manager does with its ledger from start to stop. */
  async function withLedger<T>(use: (ledger: Ledger) => Promise<T>): Promise<T> {
    const witness = new WitnessFile(path(WITNESS_FILE));
    const location = { type: 'sqlite' as const, path: path('manager.db') };
    const ledger = await openLedger(location, { ...OPEN_OPTIONS, witness });
    try {
      return await use(ledger);
    } finally {
      await ledger.close();
      await witness.close();
    }
  }

  async function backUp(name = 'backup.db'): Promise<string> {
    await backUpLedger(config, path(name));
    return path(name);
  }

  const restore = (file: string): ReturnType<typeof restoreLedger> =>
    restoreLedger(config, file, { clock: new SystemClock(), faults: new NoFaults() });

  it('take everything that was committed, in one file for its owner alone, while a manager writes', async () => {
    const seqs = await withLedger(async (ledger) => {
      await accept(ledger);
      const more = Array.from({ length: 20 }, () => accept(ledger));
      await backUp();
      await Promise.all(more);
      await accept(ledger);
      return (await ledger.reader.findLogState(1))!.head;
    });
    expect(seqs).toBe(22);
    expect((await stat(path('backup.db'))).mode & 0o777).toBe(0o600);
    expect((await readdir(dir)).filter((name) => name.startsWith('backup'))).toEqual(['backup.db']);
    const db = new Database(path('backup.db'), { readonly: true });
    const heads = db.prepare('SELECT head FROM purge_log_heads').pluck().all() as number[];
    const jobs = db.prepare('SELECT count(*) FROM jobs').pluck().get();
    db.close();
    expect(heads[0]).toBeGreaterThanOrEqual(1);
    expect(jobs).toBe(heads[0]); // One moment: no job without its number.
  });

  it('renew the epoch although the witness knows nothing newer, and say why', async () => {
    await withLedger(accept);
    const file = await backUp();
    const { epoch } = await restore(file);
    expect(await look()).toMatchObject({
      epoch,
      head: 1,
      first: 2,
      alarm: 'the ledger was restored from a backup',
      purgeLogAlarm: undefined,
    });
  });

  it('never give a number again that was answered after the backup', async () => {
    await withLedger(accept);
    const file = await backUp();
    await withLedger(async (ledger) => {
      await accept(ledger);
      await accept(ledger);
    });
    await restore(file);
    expect(await look()).toMatchObject({ head: 3, first: 4 });
  });

  it('keep the former ledger beside it, with what its log holds, and the backup as it is', async () => {
    await withLedger(accept);
    const file = await backUp();
    const before = await readFile(file);
    await withLedger(accept);
    const { formerPath } = await restore(file);
    const db = new Database(formerPath, { readonly: true });
    expect(db.prepare('SELECT count(*) FROM jobs').pluck().get()).toBe(2);
    db.close();
    expect((await readFile(file)).equals(before)).toBe(true);
    expect((await readdir(dir)).filter((name) => name.includes('restoring'))).toEqual([]);
  });

  it('replace a ledger that is damaged, and work in an empty folder', async () => {
    await withLedger(accept);
    const file = await backUp();
    await truncate(path('manager.db'), 1_000);
    expect((await restore(file)).formerPath).toContain('manager.db.before-');
    expect(await look()).toMatchObject({ head: 1 });
    config.dataDir = path('elsewhere');
    expect((await restore(file)).formerPath).toBeUndefined();
  });

  it('renew the epoch once more after a restore that was cut off before the witness', async () => {
    await withLedger(accept);
    const file = await backUp();
    await copyFile(path(WITNESS_FILE), path('witness.older'));
    const { epoch } = await restore(file);
    await copyFile(path('witness.older'), path(WITNESS_FILE));
    expect(await look()).toMatchObject({ purgeLogAlarm: expect.any(String) as string });
    expect(await look()).not.toMatchObject({ epoch });
  });

  it.each<[FaultPoint, object]>([
    ['manager.restore.prepared', { head: 3, first: 1, alarm: undefined }],
    ['manager.restore.set-aside', { head: 3, first: 1, alarm: undefined }],
    ['manager.restore.replaced', { head: 3, first: 4, alarm: expect.any(String) as string }],
  ])('killed at %s leave one ledger or the other, and are run again', async (point, left) => {
    await withLedger(accept);
    const file = await backUp();
    await withLedger((ledger) => Promise.all([accept(ledger), accept(ledger)]));
    await writeFile(path('manager.yaml'), JSON.stringify({ dataDir: dir })); // JSON is YAML too.
    const words = [COMMAND, 'restore', file, '--config', path('manager.yaml')];
    const { code, stderr } = await runCommand(process.execPath, words, {
      env: { NODE_ENV: 'test', PONDHAWK_FAULT: point },
      timeoutMs: COMMAND_TIMEOUT_MS,
    });
    expect([code, stderr]).toEqual([KILLED, '']);
    expect(await look()).toMatchObject(left);
    const { epoch } = await restore(file);
    expect(await look()).toMatchObject({ epoch, head: 3, first: 4, purgeLogAlarm: undefined });
    expect((await readdir(dir)).filter((name) => name.includes('restoring'))).toEqual([]);
  });

  describe('refuse', () => {
    it('a file that is not there, no database, no ledger, damaged, or in use, and change nothing', async () => {
      await withLedger(accept);
      const file = await backUp();
      await writeFile(
        path('text'),
        'no database at all, but long enough to be looked at'.repeat(9),
      );
      new Database(path('other.db')).exec('CREATE TABLE a (x)').close();
      await copyFile(file, path('damaged.db'));
      await damage(path('damaged.db'));
      await copyFile(file, path('in-use.db'));
      await writeFile(path('in-use.db-wal'), 'frames');
      const before = await readFile(path('manager.db'));
      for (const [name, reason] of [
        ['absent.db', 'there is no such file'],
        ['text', 'it is no SQLite database'],
        ['other.db', "it is not a manager's ledger"],
        ['damaged.db', 'it is damaged'],
        ['in-use.db', 'a log (-wal) lies beside it'],
      ] as const) {
        await expect(restore(path(name))).rejects.toMatchObject({
          code: 'BACKUP_UNUSABLE',
          message: expect.stringContaining(`${path(name)} cannot be restored: ${reason}`) as string,
        });
      }
      expect((await readFile(path('manager.db'))).equals(before)).toBe(true);
      expect((await readdir(dir)).filter((name) => name.includes('restoring'))).toEqual([]);
      expect(await look()).toMatchObject({ head: 1, alarm: undefined });
    });

    it('a ledger of a newer manager', async () => {
      await withLedger(accept);
      const file = await backUp();
      const db = new Database(file);
      db.exec(`INSERT INTO schema_migrations VALUES (9999, 'of-tomorrow', 1, 0)`);
      db.close();
      await expect(restore(file)).rejects.toMatchObject({ code: 'DATABASE_TOO_NEW' });
      expect(await look()).toMatchObject({ head: 1, alarm: undefined });
    });

    it('a folder on which a manager runs', async () => {
      await withLedger(accept);
      const file = await backUp();
      const lock = await DataFolderLock.acquire({ directory: dir });
      await expect(restore(file)).rejects.toMatchObject({ code: 'DATA_FOLDER_IN_USE' });
      lock.release();
    });

    it('to write over a file, where there is no folder, or without a ledger', async () => {
      await expect(backUp()).rejects.toMatchObject({ code: 'DATABASE_CANNOT_OPEN' });
      await withLedger(accept);
      await backUp();
      await expect(backUp()).rejects.toMatchObject({ code: 'BACKUP_EXISTS' });
      await expect(backUp('no/where.db')).rejects.toMatchObject({ code: 'BACKUP_UNWRITABLE' });
    });

    it('PostgreSQL, and say what to do there', async () => {
      config.database.type = 'postgres';
      config.database.url = new Secret('postgres://nobody@127.0.0.1:1/none');
      for (const act of [backUp(), restore(path('backup.db'))]) {
        await expect(act).rejects.toMatchObject({
          code: 'LEDGER_IN_POSTGRES',
          message: expect.stringContaining('pg_dump') as string,
        });
      }
    });
  });

  /** Overwrites a page in the middle. */
  async function damage(file: string): Promise<void> {
    await chmod(file, 0o600);
    const bytes = await readFile(file);
    bytes.fill(0xaa, 4096 * 3, 4096 * 5);
    await writeFile(file, bytes);
  }
});
