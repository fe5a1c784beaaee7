import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@pondhawk/core';
import { DataFolderLock, folderLockOf } from '../src/index.js';

/** Holds a folder's lock in another process, in the way the class does, until it is killed. */
const HOLDER = `
  const Database = require(process.argv[2]);
  globalThis.db = new Database(process.argv[1] + '/lock.db', { timeout: 0 });
  globalThis.db.exec('BEGIN EXCLUSIVE');
  process.stdout.write('locked');
  setInterval(() => undefined, 1000);
`;

describe('DataFolderLock', () => {
  let root: string;
  let directory: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'pondhawk-lock-'));
    directory = join(root, 'data');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  async function holdElsewhere(): Promise<ChildProcess> {
    const sqlite = createRequire(__filename).resolve('better-sqlite3');
    const child = spawn(process.execPath, ['-e', HOLDER, directory, sqlite], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    return child;
  }

  async function errorOf(promise: Promise<unknown>): Promise<ConfigError> {
    const error: unknown = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error instanceof ConfigError) return error;
    throw new Error(`No ConfigError: ${String(error)}`);
  }

  it('makes the folder and writes down who holds it', async () => {
    const lock = await DataFolderLock.acquire({ directory, incarnation: 'ab' });
    const record: unknown = JSON.parse(readFileSync(join(directory, 'lock'), 'utf8'));
    expect(record).toEqual(lock.record);
    expect(record).toMatchObject({ pid: process.pid, incarnation: 'ab' });
    expect(lock.former).toBeUndefined();
    lock.release();
  });

  it('refuses a second holder and names the first', async () => {
    const lock = await DataFolderLock.acquire({ directory });
    const error = await errorOf(DataFolderLock.acquire({ directory }));
    expect(error.code).toBe('DATA_FOLDER_IN_USE');
    expect(error.message).toContain(directory);
    expect(error.message).toContain(`process ${process.pid}`);
    expect(error.details).toMatchObject({ pid: process.pid, bootId: lock.record.bootId });
    lock.release();
  });

  it('is free again when its holder is killed', async () => {
    (await DataFolderLock.acquire({ directory })).release();
    const holder = await holdElsewhere();
    expect((await errorOf(DataFolderLock.acquire({ directory }))).code).toBe('DATA_FOLDER_IN_USE');
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    (await DataFolderLock.acquire({ directory })).release();
  });

  it('knows the former holder of this very folder, and tells a copy of it apart', async () => {
    (await DataFolderLock.acquire({ directory, incarnation: 'first' })).release();
    const copy = join(root, 'copy');
    cpSync(directory, copy, { recursive: true });

    const again = await DataFolderLock.acquire({ directory, incarnation: 'second' });
    expect(again.record.formers).toEqual(['first']);
    again.release();
    const third = await DataFolderLock.acquire({ directory, incarnation: 'third' });
    expect(third.record.formers).toEqual(['second', 'first']);
    expect(folderLockOf(third.record)).toBe(folderLockOf(again.record));
    third.release();

    const copied = await DataFolderLock.acquire({ directory: copy });
    expect(copied.former?.incarnation).toBe('first');
    expect(copied.record.formers).toEqual([]);
    expect(folderLockOf(copied.record)).not.toBe(folderLockOf(third.record));
    copied.release();
  });

  it('refuses a folder that cannot be made', async () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    const error = await errorOf(DataFolderLock.acquire({ directory: join(file, 'data') }));
    expect(error.code).toBe('DATA_FOLDER_UNUSABLE');
  });
});
