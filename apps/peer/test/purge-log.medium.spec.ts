import { mkdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { chainHash, type LogState, type PurgeEntry } from '@pondhawk/purge';
import type { TaskId } from '@pondhawk/core';
import { purgeTask, type PurgeTaskParts } from '../src/upload-service/index.js';
import {
  PIECE_BYTES,
  contentOf,
  fillWhole,
  filesIn,
  newCopy,
  openStore,
  taskIdOf,
  type StoreFixture,
} from './store-fixture.js';

const EPOCH = 'e1'.repeat(16);
const OTHER_EPOCH = 'e2'.repeat(16);
const EMPTY: LogState = { epoch: EPOCH, first: 1, head: 0, headHash: '' };
const task = taskIdOf('task');
const other = taskIdOf('other');
const content = contentOf(2 * PIECE_BYTES);
const DELETED = { outcome: 'deleted', copies: 1, deletedBytes: content.length };
const ABSENT = { outcome: 'absent', copies: 0, deletedBytes: 0 };

/** Entries 1, 2, 3, … of a log that purges these tasks. */
function logOf(...tasks: readonly TaskId[]): PurgeEntry[] {
  let hash = '';
  return tasks.map((taskId, index) => {
    hash = chainHash(hash, index + 1, taskId);
    return { seq: index + 1, taskId, chainHash: hash };
  });
}

describe('PurgeLog', () => {
  let store: StoreFixture;

  beforeEach(() => {
    store = openStore();
    store.purges.adopt(EMPTY);
  });
  afterEach(() => store.dispose());

  const take = async (entries: readonly PurgeEntry[]) =>
    Promise.all([...store.purges.take(EPOCH, entries).values()]);

  it('deletes what was begun before a number and answers with its bytes', async () => {
    await fillWhole(store, task, content);
    await fillWhole(store, other, content);
    expect(await take(logOf(task, taskIdOf('none')))).toEqual([DELETED, ABSENT]);
    expect(filesIn(store.dir)).toHaveLength(1);
    expect(store.copies.findComplete(other)).toBeDefined();
    expect(store.purges.position).toMatchObject({ epoch: EPOCH, applied: 2 });
  });

  it('leaves a copy alone that was begun at or after the number', async () => {
    const entries = logOf(task, task);
    await take(entries.slice(0, 1));
    await fillWhole(store, task, content);
    expect(store.copies.findComplete(task)).toMatchObject({ logEpoch: EPOCH, filledAt: 1 });
    expect(await take(entries.slice(0, 1))).toEqual([]);
    expect(store.copies.findComplete(task)).toBeDefined();
    expect(await take(entries)).toEqual([DELETED]);
  });

  it('ends a fill under way in the turn in which the entry comes', async () => {
    const fill = await store.copies.beginFill(newCopy(task));
    const answers = store.purges.take(EPOCH, logOf(task));
    expect(store.copies.signalOf(fill.copyId).aborted).toBe(true);
    expect(store.copies.getLogPosition().seq).toBe(1);
    expect(await answers.get(1)).toMatchObject({ outcome: 'deleted' });
    expect(filesIn(store.dir)).toEqual([]);
  });

  it('applies in order only: nothing behind a gap, nothing twice, nothing of another log', async () => {
    await fillWhole(store, task, content);
    const entries = logOf(other, task, other);
    expect(await take(entries.slice(1))).toEqual([]);
    expect([...store.purges.take(OTHER_EPOCH, entries)]).toEqual([]);
    expect(store.purges.position.applied).toBe(0);
    expect(await take(entries)).toEqual([ABSENT, DELETED, ABSENT]);
    expect(await take(entries)).toEqual([]);
  });

  it('refuses entries of another history, and applies none of them', async () => {
    await fillWhole(store, task, content);
    const [first] = logOf(other);
    const forged = { seq: 2, taskId: task, chainHash: 'f'.repeat(64) };
    expect(() => store.purges.take(EPOCH, [first!, forged])).toThrow(
      expect.objectContaining({ code: 'PURGE_LOG_MISMATCH' }) as Error,
    );
    expect(store.purges.position.applied).toBe(0);
    expect(store.copies.findComplete(task)).toBeDefined();
  });

  it('gives the same answer to a number however often it is asked, also after a restart', async () => {
    await fillWhole(store, task, content);
    await take(logOf(task, task));
    const asked = () => Promise.all([1, 2].map((seq) => store.purges.answerOf(seq, task)));
    expect(await asked()).toEqual([DELETED, ABSENT]);
    const { dir } = store;
    await store.close();
    store = openStore({ dir });
    expect(await asked()).toEqual([DELETED, ABSENT]);
    expect(store.purges.listUntold()).toMatchObject([{ seq: 1, copies: 1 }]);
    store.purges.markTold([1]);
    expect(store.purges.listUntold()).toEqual([]);
  });

  it('says what cannot be unlinked, and tries again when it is asked again', async () => {
    const copy = await fillWhole(store, task, content);
    const path = store.paths.copy(task, copy.copyId);
    unlinkSync(path);
    mkdirSync(path); // An unlink of a folder fails, for root too.
    expect(await take(logOf(task))).toMatchObject([{ outcome: 'failed', code: 'UNLINK_FAILED' }]);
    expect(await store.purges.answerOf(1, task)).toMatchObject({ outcome: 'failed' });
    rmdirSync(path);
    expect(await store.purges.answerOf(1, task)).toEqual(DELETED);
    expect(store.copies.listByTask(task)).toEqual([]);
  });

  it('drops everything under another log, and nothing under its own', async () => {
    await fillWhole(store, task, content);
    store.purges.adopt({ ...EMPTY, head: 5, headHash: 'h' });
    expect(store.copies.findComplete(task)).toBeDefined();
    const fill = await store.copies.beginFill(newCopy(other));
    store.purges.adopt({ epoch: OTHER_EPOCH, first: 8, head: 7, headHash: '' });
    expect(store.copies.signalOf(fill.copyId).aborted).toBe(true);
    expect(store.copies.findServable(task)).toBeUndefined();
    expect(store.purges.position).toEqual({ epoch: OTHER_EPOCH, applied: 7, hash: '' });
    await store.deletion.idle();
    expect(filesIn(store.dir)).toEqual([]);
  });

  it('drops everything when the log no longer reaches back to where it stands', async () => {
    await fillWhole(store, task, content);
    store.purges.adopt({ epoch: EPOCH, first: 2, head: 9, headHash: 'h' });
    expect(store.copies.findServable(task)).toBeUndefined();
    expect(store.purges.position.applied).toBe(9);
  });

  describe('when a call names a number', () => {
    const parts = (fetchEntries: PurgeTaskParts['fetchEntries']): PurgeTaskParts => ({
      purges: store.purges,
      clusterId: 1,
      fetchEntries,
    });
    const never = () => Promise.reject(new Error('There is no home.'));
    const purge = (seq: number, facts = {}) => ({ clusterId: 1, epoch: EPOCH, seq, ...facts });

    it('applies the next one itself, and answers one that the stream brought before', async () => {
      await fillWhole(store, task, content);
      expect(await purgeTask(parts(never), purge(1), task)).toEqual(DELETED);
      expect(store.purges.position).toMatchObject({ applied: 1, hash: logOf(task)[0]?.chainHash });
      expect(await purgeTask(parts(never), purge(1), task)).toEqual(DELETED);
    });

    it('fetches those before it first', async () => {
      await fillWhole(store, task, content);
      const entries = logOf(other, other, task);
      const fetchEntries = async () => {
        await take(entries);
      };
      expect(await purgeTask(parts(fetchEntries), purge(3), task)).toEqual(DELETED);
      expect(store.purges.position.applied).toBe(3);
    });

    it('is not answered while those before it are missing', async () => {
      await fillWhole(store, task, content);
      await expect(purgeTask(parts(never), purge(2), task)).rejects.toMatchObject({
        code: 'PURGE_NOT_REACHED',
        retryable: true,
      });
      expect(store.copies.findComplete(task)).toBeDefined();
      await expect(purgeTask(parts(never), purge(1, { clusterId: 2 }), task)).rejects.toMatchObject(
        { code: 'OTHER_CLUSTER' },
      );
    }, 10_000);
  });
});
