import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, ConflictError, PondhawkError } from '@pondhawk/core';
import {
  commitUnsynced,
  migrate,
  openDatabase,
  syncDirectory,
  toStorageError,
  type Migration,
} from './index.js';
import { openTemporaryDatabase } from './testing/index.js';

const FIRST: Migration = {
  id: 1,
  name: 'first',
  breaking: true,
  sql: 'CREATE TABLE a (x INTEGER)',
};
const SECOND: Migration = {
  id: 2,
  name: 'second',
  breaking: true,
  sql: 'CREATE TABLE b (x INTEGER); INSERT INTO b VALUES (1);',
};

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof PondhawkError) return error.code;
    throw error;
  }
  return 'no error';
}

describe('storage', () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pondhawk-storage-'));
    path = join(directory, 'test.db');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  describe('openDatabase', () => {
    it('syncs every commit, also after the file was opened again', () => {
      openDatabase({ path }).close();
      const db = openDatabase({ path });
      const pragma = (name: string): unknown => db.pragma(name, { simple: true });
      expect(pragma('journal_mode')).toBe('wal');
      expect(pragma('synchronous')).toBe(2);
      expect(pragma('busy_timeout')).toBe(5_000);
      expect(pragma('foreign_keys')).toBe(1);
      db.close();
    });

    it('refuses a database that cannot be written ahead', () => {
      expect(codeOf(() => openDatabase({ path: ':memory:' }))).toBe('DATABASE_PRAGMA_REFUSED');
    });

    it('refuses a file that is no database, and a folder that is not there', () => {
      writeFileSync(path, 'no database at all, but long enough to be looked at');
      expect(codeOf(() => openDatabase({ path }))).toBe('DATABASE_CANNOT_OPEN');
      const nowhere = join(directory, 'no', 'test.db');
      expect(codeOf(() => openDatabase({ path: nowhere }))).toBe('DATABASE_CANNOT_OPEN');
    });

    it('writes nothing when opened to read', () => {
      const writer = openDatabase({ path });
      migrate(writer, [FIRST]);
      const reader = openDatabase({ path, readOnly: true });
      expect(() => reader.exec('INSERT INTO a VALUES (1)')).toThrow('readonly');
      reader.close();
      writer.close();
      const missing = join(directory, 'missing.db');
      expect(codeOf(() => openDatabase({ path: missing, readOnly: true }))).toBe(
        'DATABASE_CANNOT_OPEN',
      );
      expect(existsSync(missing)).toBe(false);
    });
  });

  describe('commitUnsynced', () => {
    it('syncs no commit of its own, every other, also after one that failed', () => {
      const db = openDatabase({ path });
      migrate(db, [FIRST]);
      const level = (): unknown => db.pragma('synchronous', { simple: true });
      const levels: unknown[] = [];
      const add = (value: number): void => {
        levels.push(level());
        db.prepare('INSERT INTO a VALUES (?)').run(value);
      };
      commitUnsynced(db, () => add(1));
      expect(level()).toBe(2);
      const fail = (): void => {
        add(2);
        throw new Error('no');
      };
      expect(() => commitUnsynced(db, fail)).toThrow('no');
      expect(level()).toBe(2);
      expect(levels).toEqual([1, 1]);
      expect(db.prepare('SELECT x FROM a').all()).toEqual([{ x: 1 }]);
      db.close();
    });

    it('is refused within another transaction', () => {
      const db = openDatabase({ path });
      const outer = db.transaction(() => commitUnsynced(db, () => undefined));
      expect(outer).toThrow('inside a transaction');
      db.close();
    });
  });

  describe('migrate', () => {
    it('applies each step once, in order', () => {
      const db = openDatabase({ path });
      expect(migrate(db, [FIRST]).applied).toEqual([1]);
      expect(migrate(db, [FIRST, SECOND]).applied).toEqual([2]);
      expect(migrate(db, [FIRST, SECOND]).applied).toEqual([]);
      expect(db.prepare('SELECT count(*) AS n FROM b').get()).toEqual({ n: 1 });
      db.close();
    });

    it('leaves no trace of a step that fails', () => {
      const db = openDatabase({ path });
      const broken = {
        ...SECOND,
        sql: 'CREATE TABLE b (x INTEGER); INSERT INTO nowhere VALUES (1);',
      };
      expect(codeOf(() => migrate(db, [FIRST, broken]))).toBe('DATABASE_ERROR');
      expect(migrate(db, [FIRST, SECOND]).applied).toEqual([2]);
      db.close();
    });

    it('refuses a database that a newer version changed in a breaking way, warns of other changes', () => {
      const db = openDatabase({ path });
      migrate(db, [FIRST, { ...SECOND, breaking: false }]);
      expect(migrate(db, [FIRST])).toEqual({ applied: [], unknown: ['second'] });
      migrate(db, [FIRST, SECOND, { id: 3, name: 'third', breaking: true, sql: 'SELECT 1' }]);
      expect(codeOf(() => migrate(db, [FIRST, SECOND]))).toBe('DATABASE_TOO_NEW');
      db.close();
    });

    it('refuses the database of another program', () => {
      const { db, dispose } = openTemporaryDatabase([FIRST]);
      expect(codeOf(() => migrate(db, [{ ...FIRST, name: 'other' }]))).toBe('DATABASE_FOREIGN');
      dispose();
    });

    it('refuses a list with gaps', () => {
      const { db, dispose } = openTemporaryDatabase();
      expect(codeOf(() => migrate(db, [SECOND]))).toBe('ASSERTION_FAILED');
      dispose();
    });
  });

  describe('toStorageError', () => {
    const failure = (code: string): Error => Object.assign(new Error('x'), { code });

    it.each([
      ['SQLITE_BUSY', 'unavailable', 'DATABASE_BUSY'],
      ['SQLITE_BUSY_SNAPSHOT', 'unavailable', 'DATABASE_BUSY'],
      ['SQLITE_FULL', 'unavailable', 'DISK_FULL'],
      ['ENOSPC', 'unavailable', 'DISK_FULL'],
      ['SQLITE_IOERR_FSYNC', 'unavailable', 'DISK_ERROR'],
      ['SQLITE_CORRUPT', 'data-corruption', 'DATABASE_CORRUPT'],
      ['SQLITE_CONSTRAINT_UNIQUE', 'invariant', 'DATABASE_ERROR'],
    ])('maps %s to an error of kind %s with code %s', (code, kind, wanted) => {
      expect(toStorageError(failure(code))).toMatchObject({ kind, code: wanted });
    });

    it('passes our errors', () => {
      const ours = new ConflictError('JOB_ALREADY_FINAL', 'Too late.');
      expect(toStorageError(ours)).toBe(ours);
    });

    it('maps what a locked database throws', () => {
      const first = openDatabase({ path });
      const second = openDatabase({ path });
      second.pragma('busy_timeout = 0');
      first.exec('BEGIN IMMEDIATE');
      let thrown: unknown;
      try {
        second.exec('BEGIN IMMEDIATE');
      } catch (error) {
        thrown = error;
      }
      expect(toStorageError(thrown)).toMatchObject({ code: 'DATABASE_BUSY', retryable: true });
      second.close();
      first.close();
    });
  });

  describe('syncDirectory', () => {
    it('syncs a folder and rejects for one that is not there', async () => {
      await expect(syncDirectory(directory)).resolves.toBeUndefined();
      await expect(syncDirectory(join(directory, 'no'))).rejects.toThrow('ENOENT');
    });
  });

  it('names its configuration errors as such', () => {
    expect(() => openDatabase({ path: ':memory:' })).toThrow(ConfigError);
  });
});
