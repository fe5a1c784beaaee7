import { SystemClock } from '@pondhawk/observability';
import { MemoryLog } from '@pondhawk/observability';
import { chainHash } from '@pondhawk/purge';
import { join } from 'node:path';
import { DiskReserve, FileSystemGauge, GarbageCollector } from '../src/gc/index.js';
import {
  PIECE_BYTES,
  contentOf,
  fillWhole,
  filesIn,
  openStore,
  readAll,
  taskIdOf,
  type StoreFixture,
} from './store-fixture.js';

const EPOCH = 'e1'.repeat(16);
const task = taskIdOf('task');
const content = contentOf(2 * PIECE_BYTES);
const DELETED = { outcome: 'deleted', copies: 1, deletedBytes: content.length };

describe('Deletions of one copy that meet', () => {
  let store: StoreFixture;

  beforeEach(() => {
    store = openStore();
    store.purges.adopt({ epoch: EPOCH, first: 1, head: 0, headHash: '' });
  });
  afterEach(() => store.dispose());

  const entry = (seq: number) => {
    let hash = '';
    for (let at = 1; at <= seq; at += 1) hash = chainHash(hash, at, task);
    return { seq, taskId: task, chainHash: hash };
  };
  const purge = async (seq: number) => {
    const [answer] = store.purges.take(EPOCH, [entry(seq)]).values();
    return answer;
  };
  const collector = () =>
    new GarbageCollector({
      copies: store.copies,
      deletion: store.deletion,
      repair: store.repair,
      reserve: new DiskReserve(join(store.dir, 'reserve')),
      disk: new FileSystemGauge(store.dir),
      clock: new SystemClock(), // Far ahead of the store's: everything has expired.
      log: new MemoryLog(),
      settings: { intervalMs: 1e6, ttlMs: 1, highPercent: 100, lowPercent: 99 },
    });

  it('are two of the same number: one answer, whoever asks', async () => {
    await fillWhole(store, task, content);
    const first = purge(1);
    const again = store.purges.answerOf(1, task);
    expect(await Promise.all([first, again, store.purges.answerOf(1, task)])).toEqual([
      ...[DELETED, DELETED, DELETED],
    ]);
    expect(filesIn(store.dir)).toEqual([]);
  });

  it('are two purges one behind the other: the copy is told once, and the second finds none', async () => {
    await fillWhole(store, task, content);
    const answers = await Promise.all([purge(1), purge(2)]);
    expect(answers[0]).toEqual(DELETED);
    expect(answers[1]).toMatchObject({ outcome: 'absent' });
    expect(filesIn(store.dir)).toEqual([]);
  });

  it.each(['the purge', 'the collection'])(
    'are a purge and a collection, %s first: nothing is left, and each ends',
    async (first) => {
      await fillWhole(store, task, content);
      const gc = collector();
      const both = first === 'the purge' ? [purge(1), gc.collect()] : [gc.collect(), purge(1)];
      const ends = await Promise.all(both);
      expect(ends).toHaveLength(2);
      expect(filesIn(store.dir)).toEqual([]);
      expect(store.rows.listByTask(task)).toEqual([]);
      expect(store.purges.position.applied).toBe(1);
    },
  );

  it('leave a copy alone that was begun right behind them, also when the purge is told again', async () => {
    await fillWhole(store, task, content);
    const deleting = purge(1);
    const fresh = await fillWhole(store, task, content);
    expect(await deleting).toEqual(DELETED);
    expect(fresh.filledAt).toBe(1);
    store.purges.take(EPOCH, [entry(1)]); // Delivered again: it is applied already.
    expect(await store.purges.answerOf(1, task)).toEqual(DELETED);
    expect((await readAll(store, fresh)).equals(content)).toBe(true);
    expect(filesIn(store.dir)).toHaveLength(1);
  });
});
