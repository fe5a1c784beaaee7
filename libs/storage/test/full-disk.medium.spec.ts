import { spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoOf } from '@pondhawk/core';
import { openDatabase } from '../src/index.js';
import Database from 'better-sqlite3';

describe('a database on a full disk', () => {
  const dir = mkdtempSync(join(tmpdir(), 'ph-full-'));
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', dir]).status === 0;
  afterAll(() => {
    if (isMounted) spawnSync('umount', [dir]);
    rmSync(dir, { recursive: true, force: true });
  });

  const ifMounted = isMounted ? it : it.skip;
  ifMounted('opens with what a killed process left in its log, for which it has no room', () => {
    const source = mkdtempSync(join(tmpdir(), 'ph-full-source-'));
    const left = new Database(join(source, 'a.db'));
    left.pragma('journal_mode = WAL');
    left.pragma('wal_autocheckpoint = 0');
    left.exec('CREATE TABLE a (x BLOB)');
    left.prepare('INSERT INTO a VALUES (?)').run(Buffer.alloc(512 * 1024, 1));
    for (const suffix of ['', '-wal', '-shm']) {
      copyFileSync(join(source, `a.db${suffix}`), join(dir, `a.db${suffix}`));
    }
    left.close();
    rmSync(source, { recursive: true });
    fill(join(dir, 'filler'));

    const db = openDatabase({ path: join(dir, 'a.db') });
    expect(db.prepare('SELECT length(x) FROM a').pluck().get()).toBe(512 * 1024);
    expect(() => db.pragma('wal_checkpoint(PASSIVE)')).toThrow(/full/);
    db.close();
  });

  function fill(path: string): void {
    const file = openSync(path, 'w');
    try {
      for (;;) writeSync(file, Buffer.alloc(4096));
    } catch (error) {
      if (errnoOf(error) !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }
});
