import { existsSync, mkdirSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CopyPurgedError } from '../src/copies/index.js';
import {
  PIECE_BYTES,
  contentOf,
  fillWhole,
  filesIn,
  newCopy,
  openStore,
  slicesOf,
  taskIdOf,
  type StoreFixture,
} from './store-fixture.js';

const task = taskIdOf('task');
const content = contentOf(2 * PIECE_BYTES);
const loud = { announce: true };
/** More turns of the event loop than a fill of two pieces takes. */
const TURNS = 60;

function turns(count: number): Promise<void> {
  return count === 0
    ? Promise.resolve()
    : new Promise((resolve) => setImmediate(() => resolve(turns(count - 1))));
}

describe('TaskDeletion', () => {
  let store: StoreFixture;
  beforeEach(() => (store = openStore()));
  afterEach(() => store.dispose());

  function expectNothingLeft(): void {
    expect(filesIn(store.dir)).toEqual([]);
    expect(existsSync(store.paths.task(task))).toBe(false);
    expect(store.copies.listByTask(task)).toEqual([]);
    expect(store.db.prepare('SELECT count(*) AS n FROM pieces').get()).toEqual({ n: 0 });
  }

  it('removes file, rows and folder, says how many bytes, and tells the schedulers', async () => {
    await fillWhole(store, task, content);
    expect(await store.deletion.deleteTask(task, loud)).toEqual({
      outcome: 'deleted',
      copies: 1,
      deletedBytes: content.length,
    });
    expectNothingLeft();
    expect(store.announced).toEqual([task]);
  });

  it('says absent of a task that is not here, also the second time', async () => {
    await fillWhole(store, task, content);
    await store.deletion.deleteTask(task, loud);
    expect(await store.deletion.deleteTask(task, loud)).toEqual({
      outcome: 'absent',
      copies: 0,
      deletedBytes: 0,
    });
    expect(store.announced).toEqual([task]);
  });

  it('leaves the copies of other tasks alone', async () => {
    const other = taskIdOf('other');
    await fillWhole(store, task, content);
    await fillWhole(store, other, content);
    await store.deletion.deleteTask(task, loud);
    expect(store.copies.findComplete(other)).toBeDefined();
    expect(filesIn(store.dir)).toHaveLength(1);
  });

  it('joins calls that come while one is under way', async () => {
    await fillWhole(store, task, content);
    const receipts = await Promise.all([1, 2, 3].map(() => store.deletion.deleteTask(task, loud)));
    expect(receipts.map(({ copies }) => copies)).toEqual([1, 1, 1]);
    expectNothingLeft();
  });

  it('ends reads in the very turn of the call', async () => {
    const copy = await fillWhole(store, task, content);
    const reader = await store.copies.openForReading(copy.copyId);
    const reading = reader.read(Buffer.alloc(100), { position: 0, length: 100 });
    const deleting = store.deletion.deleteTask(task, loud);
    expect(reader.signal.aborted).toBe(true);
    await expect(reading).rejects.toMatchObject({ code: 'COPY_PURGED' });
    await reader.close();
    await deleting;
    expectNothingLeft();
  });

  it('deletes a copy that was begun while the former one was being deleted', async () => {
    await fillWhole(store, task, content);
    const first = store.deletion.deleteTask(task, loud);
    const fill = await store.copies.beginFill(newCopy(task));
    const second = store.deletion.deleteTask(task, loud);
    expect(fill.signal.aborted).toBe(true);
    await Promise.all([first, second]);
    expectNothingLeft();
  });

  it.each(Array.from({ length: TURNS }, (_, turn) => turn))(
    'leaves nothing of a fill that it meets in turn %i',
    async (turn) => {
      const filling = (async () => {
        const fill = await store.copies.beginFill(newCopy(task, content.length));
        for (const { number, offset, bytes } of slicesOf(content)) {
          const writer = fill.openPiece({ number, offset, originHostId: 'me' });
          await writer.write(bytes);
          await writer.finish();
        }
        await fill.complete({ contentLength: content.length });
      })().catch((error: unknown) => (error as CopyPurgedError).code);
      await turns(turn);
      await store.deletion.deleteTask(task, loud);
      expectNothingLeft();
      expect([undefined, 'FILL_ABORTED', 'COPY_PURGED']).toContain(await filling);
      expectNothingLeft();
    },
  );

  describe('when the file cannot be unlinked', () => {
    function putFolderInItsPlace(path: string): void {
      unlinkSync(path);
      mkdirSync(path);
    }

    it('fails with errno and path, keeps the row marked, and does it the next time', async () => {
      const copy = await fillWhole(store, task, content);
      const path = store.paths.copy(task, copy.copyId);
      putFolderInItsPlace(path);
      await expect(store.deletion.deleteTask(task, loud)).rejects.toMatchObject({
        code: 'UNLINK_FAILED',
        message: expect.stringMatching(
          new RegExp(`content/tasks/.*${copy.copyId} cannot be unlinked \\((EISDIR|EPERM)\\)`),
        ) as string,
      });
      expect(store.copies.findCopy(copy.copyId)?.state).toBe('purged');
      expect(store.copies.findServable(task)).toBeUndefined();
      rmdirSync(path);
      writeFileSync(path, 'back');
      expect((await store.deletion.deleteTask(task, loud)).outcome).toBe('deleted');
      expectNothingLeft();
    });

    it('is tried again at the next start', async () => {
      const copy = await fillWhole(store, task, content);
      const path = store.paths.copy(task, copy.copyId);
      putFolderInItsPlace(path);
      await expect(store.deletion.deleteTask(task, loud)).rejects.toThrow();
      await store.close();
      const blocked = openStore({ dir: store.dir });
      expect((await blocked.repair.run()).unfinished).toBe(1);
      rmdirSync(path);
      await blocked.close();
      store = openStore({ dir: store.dir });
      expect((await store.repair.run()).unfinished).toBe(0);
      expectNothingLeft();
    });
  });

  describe('start-up repair', () => {
    it('removes files that no row names, whatever they are called, and empty folders', async () => {
      const copy = await fillWhole(store, taskIdOf('kept'), content);
      mkdirSync(store.paths.task(task), { recursive: true });
      writeFileSync(join(store.paths.task(task), 'f'.repeat(32)), 'orphan');
      writeFileSync(join(store.paths.task(copy.taskId), 'x y'), 'orphan');
      mkdirSync(join(store.paths.tasks, 'abc'));
      expect((await store.repair.run()).orphanFiles).toBe(2);
      expect(filesIn(store.dir)).toHaveLength(1);
      expect(existsSync(join(store.paths.tasks, 'abc'))).toBe(false);
      expect(store.copies.findComplete(copy.taskId)).toBeDefined();
    });

    it('forgets copies whose file is gone or too short', async () => {
      const copy = await fillWhole(store, task, content);
      const other = await fillWhole(store, taskIdOf('other'), content);
      unlinkSync(store.paths.copy(task, copy.copyId));
      writeFileSync(store.paths.copy(other.taskId, other.copyId), 'short');
      expect((await store.repair.run()).lostCopies).toBe(2);
      expect(store.copies.countCopies()).toBe(0);
      expect(filesIn(store.dir)).toEqual([]);
    });
  });
});
