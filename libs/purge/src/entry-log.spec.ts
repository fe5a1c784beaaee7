import { type TaskId, parseTaskId } from '@pondhawk/core';
import { chainHash } from './chain-hash.js';
import { ENTRIES_KEPT_MAX, EntryLog } from './entry-log.js';
import type { PurgeEntry } from './purge-entry.js';

const TASK: TaskId = parseTaskId('ab'.repeat(32));
const EMPTY = { epoch: 'e'.repeat(32), first: 1, head: 0, headHash: '' };

function entriesFrom(first: number, count: number): PurgeEntry[] {
  return Array.from({ length: count }, (_, index) => ({
    seq: first + index,
    taskId: TASK,
    chainHash: `hash ${first + index}`,
  }));
}

describe('EntryLog', () => {
  it('takes what follows its head, once, and nothing behind a gap', () => {
    const log = new EntryLog(EMPTY);
    expect(log.append(entriesFrom(1, 2))).toHaveLength(2);
    expect(log.append(entriesFrom(1, 2))).toEqual([]);
    expect(log.append(entriesFrom(4, 1))).toEqual([]);
    expect(log.append(entriesFrom(2, 2)).map(({ seq }) => seq)).toEqual([3]);
    expect(log.state).toEqual({ ...EMPTY, head: 3, headHash: 'hash 3' });
  });

  it('hands out what follows a number, and says when it cannot', () => {
    const log = new EntryLog({ ...EMPTY, head: 5, headHash: 'hash 5' });
    expect(log.after(5, 10)).toEqual([]);
    expect(log.after(4, 10)).toBeUndefined();
    log.append(entriesFrom(6, 3));
    expect(log.after(5, 2)?.map(({ seq }) => seq)).toEqual([6, 7]);
    expect(log.after(7, 2)?.map(({ seq }) => seq)).toEqual([8]);
    expect([log.hashAt(0), log.hashAt(5), log.hashAt(7), log.hashAt(8)]).toEqual([
      '',
      undefined,
      'hash 7',
      'hash 8',
    ]);
  });

  it('hands out nothing that its owner has removed', () => {
    const log = new EntryLog(EMPTY);
    log.append(entriesFrom(1, 5));
    log.truncate(4);
    expect(log.state).toMatchObject({ first: 4, head: 5 });
    expect(log.after(2, 10)).toBeUndefined();
    expect(log.after(3, 10)?.map(({ seq }) => seq)).toEqual([4, 5]);
    log.truncate(2);
    expect(log.state.first).toBe(4);
  });

  it('keeps the newest entries only', () => {
    const log = new EntryLog(EMPTY);
    log.append(entriesFrom(1, ENTRIES_KEPT_MAX + 1));
    expect(log.after(0, 1)).toBeUndefined();
    expect(log.after(1, 1)?.[0]?.seq).toBe(2);
  });
});

describe('chainHash', () => {
  it('differs for every later number once two logs differ', () => {
    const other = parseTaskId('cd'.repeat(32));
    const [a1, b1] = [chainHash('', 1, TASK), chainHash('', 1, other)];
    expect(a1).toMatch(/^[0-9a-f]{64}$/);
    expect(chainHash(a1, 2, TASK)).not.toBe(chainHash(b1, 2, TASK));
    expect(chainHash(a1, 2, TASK)).not.toBe(chainHash(a1, 3, TASK));
  });
});
