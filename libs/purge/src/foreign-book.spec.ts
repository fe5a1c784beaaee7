import { parseTaskId } from '@pondhawk/core';
import { ForeignBook } from './foreign-book.js';
import { saysAbsent } from './foreign-rules.js';
import { boundMs } from './timing.js';

const timing = { schedulerLeaseMs: 4_000, hostLeaseMs: 4_000, marginMs: 2_000 };
const BOUND_MS = boundMs(timing);
const limits = { awayHostsMax: 2, missedEntriesMax: 3, repeatsWaitingMax: 2 };
const log = (head: number, epoch = 'e') => ({ epoch, first: 1, head, headHash: `h${head}` });
const entry = (seq: number) => ({ seq, taskId: parseTaskId('a'.repeat(64)), chainHash: `h${seq}` });

describe('a book of foreign daemons', () => {
  let book: ForeignBook;

  beforeEach(() => {
    book = new ForeignBook(limits);
    book.begin(log(5));
  });
  const tell = (id: string, seq: number, ms = 0) => book.noteTold(id, entry(seq), { ms, timing });

  it('has a new one told of what came since the log is followed, and no more than the newest', () => {
    expect(book.heard('a')).toBe(true);
    expect(book.follow('a', log(7))?.told).toBe(5);
    expect(book.heard('b')).toBe(true);
    expect(book.follow('b', log(20))?.told).toBe(17);
    expect(book.follow('away', log(7))).toBeUndefined();
  });

  it('counts all of another log as new', () => {
    book.heard('a');
    book.follow('a', log(7));
    expect(book.follow('a', { ...log(8, 'other'), first: 7 })?.told).toBe(6);
  });

  it('has calls repeated one bound later, each once', () => {
    book.heard('a');
    book.follow('a', log(5));
    tell('a', 6, 100);
    expect(book.takeDue(100 + BOUND_MS - 1)).toEqual([]);
    expect(book.takeDue(100 + BOUND_MS)).toMatchObject([{ id: 'a', seq: 6 }]);
    expect(book.takeDue(Infinity)).toEqual([]);
  });

  it('has one told again from where a call was not repeated, also while it is told of what came later', () => {
    book.heard('a');
    book.follow('a', log(5));
    tell('a', 6);
    book.noteUpToDate('a');
    tell('a', 7);
    const [first] = book.takeDue(BOUND_MS);
    book.fallBack(first);
    expect(book.find('a')).toMatchObject({ told: 5, isBehind: true });
    tell('a', 8); // Its call was under way.
    expect(book.find('a')).toMatchObject({ told: 5, isBehind: true });
  });

  // Found by the simulation: entries that the log still had were neither told nor repeated until the next purge.
  it('has one told with its next announcement where the log could not be read on', () => {
    book.heard('a');
    book.follow('a', log(5));
    book.noteUpToDate('a');
    expect(book.heard('a')).toBe(false);
    book.noteUnread('a', 9);
    expect(book.heard('a')).toBe(true);
    expect(book.find('a')?.told).toBe(8);
    book.noteUnread('a', 1);
    expect(book.find('a')?.told).toBe(8);
  });

  it('has the oldest call made with the next announcement when too many wait', () => {
    book.heard('a');
    book.follow('a', log(5));
    for (const seq of [6, 7]) tell('a', seq);
    book.noteUpToDate('a');
    expect(book.find('a')).toMatchObject({ told: 7, isBehind: false });
    tell('a', 8);
    expect(book.find('a')).toMatchObject({ told: 5, isBehind: true });
    expect(book.takeDue(Infinity)).toHaveLength(2);
  });

  it('forgets those that went first when too many are away', () => {
    for (const id of ['a', 'b', 'c']) book.heard(id);
    expect([...book.lost('b'), ...book.lost('a')]).toEqual([]);
    expect(book.lost('c')).toEqual(['b']);
    expect(book.heard('a')).toBe(true);
    expect(book.find('b')).toBeUndefined();
  });
});

it.each([
  ['INTERNAL: task 1a2b not found', true],
  ['task not found', true],
  ['INTERNAL: database is locked', false],
])('an error of another daemon, %s, means absent: %s', (text, isAbsent) => {
  expect(saysAbsent(text)).toBe(isAbsent);
});
