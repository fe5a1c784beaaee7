import { join } from 'node:path';
import { openDatabase } from '@pondhawk/storage';
import { makeTempDir, type TempDir } from '@pondhawk/testing';
import { StatementCache } from '../src/ledger/statement-cache.js';

describe('StatementCache', () => {
  let folder: TempDir;
  let prepared: string[];
  let cache: StatementCache;

  beforeEach(async () => {
    folder = await makeTempDir();
    prepared = [];
    const database = openDatabase({ path: join(folder.path, 'test.db') });
    cache = new StatementCache({
      prepare: (text) => {
        prepared.push(text);
        return database.prepare(text);
      },
      close: () => database.close(),
    });
  });

  afterEach(async () => {
    cache.close();
    await folder.remove();
  });

  it('prepares a text once however often it is run', () => {
    const results = [1, 2].map((value) => cache.prepare('select ? as value').all([value]));
    expect(results).toEqual([[{ value: 1 }], [{ value: 2 }]]);
    expect(prepared).toHaveLength(1);
  });

  it('sees columns that came after a statement was prepared', () => {
    cache.prepare('create table t (a)').run([]);
    cache.prepare('insert into t default values').run([]);
    expect(cache.prepare('select * from t').all([])).toEqual([{ a: null }]);
    cache.prepare('alter table t add column b').run([]);
    expect(cache.prepare('select * from t').all([])).toEqual([{ a: null, b: null }]);
  });

  it('keeps no more than its limit, the longest unused going first', () => {
    for (let i = 0; i < 300; i++) {
      cache.prepare(`select ${i}`);
      cache.prepare('select -1');
    }
    expect(prepared.filter((text) => text === 'select -1')).toHaveLength(1);
    cache.prepare('select 0');
    expect(prepared.filter((text) => text === 'select 0')).toHaveLength(2);
  });
});
