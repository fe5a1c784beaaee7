import { readFileSync, writeFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Faults, type FaultPoint } from '@pondhawk/core';
import { LocalDisk, type DiskFile, type OpenMode } from '@pondhawk/storage';
import {
  PIECE_BYTES,
  contentOf,
  fillWhole,
  filesIn,
  newCopy,
  openStore,
  readAll,
  slicesOf,
  taskIdOf,
  type StoreFixture,
} from './store-fixture.js';

const task = taskIdOf('task');
const content = contentOf(3 * PIECE_BYTES + 17);

class IoError extends Error {
  readonly code = 'EIO';
}

describe('CopyStore', () => {
  let store: StoreFixture;
  beforeEach(() => (store = openStore()));
  afterEach(() => store.dispose());

  it('keeps a filled copy byte for byte, at its documented place', async () => {
    const copy = await fillWhole(store, task, content);
    expect(filesIn(store.dir)).toEqual([`tasks/${task.slice(0, 3)}/${task}/${copy.copyId}`]);
    expect((await readAll(store, copy)).equals(content)).toBe(true);
    expect(store.copies.findComplete(task)).toMatchObject({
      state: 'complete',
      contentLength: content.length,
      logEpoch: '0'.repeat(32),
      filledAt: 0,
    });
  });

  it('keeps no secret of a URL, as it is stored and as it is listed', async () => {
    const url = 'http://user:p4ssword@origin.test/file?token=p4ssword&n=1';
    await store.copies.beginFill({ ...newCopy(task), url });
    expect(store.copies.findFilling(task)?.url).toBe('http://***@origin.test/file?token=***&n=1');
    const rows = readFileSync(join(store.dir, 'peer.db-wal'), 'latin1');
    expect([rows.includes('origin.test'), rows.includes('p4ssword')]).toEqual([true, false]);
  });

  it('writes the row before the file exists', async () => {
    const seen: { point: FaultPoint; files: number; rows: number }[] = [];
    class Look extends Faults {
      reach(point: FaultPoint): void {
        seen.push({ point, files: filesIn(other.dir).length, rows: other.copies.countCopies() });
      }
    }
    const other = openStore({ faults: new Look() });
    await fillWhole(other, task, content);
    expect(seen[0]).toEqual({ point: 'peer.fill.row-written', files: 0, rows: 1 });
    await other.dispose();
  });

  it('refuses a second fill of a task, and one beside a fill that was left', async () => {
    const fill = await store.copies.beginFill(newCopy(task));
    await expect(store.copies.beginFill(newCopy(task))).rejects.toThrow('being filled');
    await expect(store.copies.resumeFill(task)).rejects.toThrow('being filled');
    await fill.close();
    await expect(store.copies.beginFill(newCopy(task))).rejects.toThrow('being filled');
    expect(await store.copies.resumeFill(task)).toBeDefined();
  });

  it('stores no piece with another digest or length than expected', async () => {
    const fill = await store.copies.beginFill(newCopy(task, content.length));
    const source = { number: 0, offset: 0, length: 4, originHostId: 'me' };
    const wrong = fill.openPiece(source);
    await wrong.write(Buffer.from('abcd'));
    await expect(wrong.finish({ crc32: 1 })).rejects.toMatchObject({
      code: 'PIECE_DIGEST_MISMATCH',
    });
    const short = fill.openPiece(source);
    await short.write(Buffer.from('abc'));
    await expect(short.finish()).rejects.toMatchObject({ code: 'PIECE_LENGTH_MISMATCH' });
    const long = fill.openPiece(source);
    await expect(long.write(Buffer.from('abcde'))).rejects.toMatchObject({
      code: 'PIECE_LENGTH_MISMATCH',
    });
    expect(store.copies.piecesOf(fill.copyId)).toEqual([]);
  });

  it('does not call a copy complete whose pieces leave a gap', async () => {
    const fill = await store.copies.beginFill(newCopy(task, content.length));
    const last = slicesOf(content).at(-1)!;
    const writer = fill.openPiece({ ...last, length: last.bytes.length, originHostId: 'me' });
    await writer.write(last.bytes);
    await writer.finish();
    await expect(fill.complete({ contentLength: content.length })).rejects.toMatchObject({
      code: 'FILL_INCOMPLETE',
    });
  });

  it('takes no later sync for that of bytes which a failed one may have lost', async () => {
    let isBroken = false;
    class BrokenOnce extends LocalDisk {
      override async open(path: string, mode: OpenMode): Promise<DiskFile> {
        const file = await super.open(path, mode);
        const datasync = file.datasync.bind(file);
        file.datasync = () => (isBroken ? Promise.reject(new IoError()) : datasync());
        return file;
      }
    }
    const weak = openStore({ disk: new BrokenOnce() });
    const fill = await weak.copies.beginFill(newCopy(task, content.length));
    const [one, two] = slicesOf(content).map(({ bytes, ...place }) => {
      const writer = fill.openPiece({ ...place, length: bytes.length, originHostId: 'me' });
      return writer.write(bytes).then(() => writer);
    });
    isBroken = true;
    await expect((await one!).finish()).rejects.toMatchObject({ code: 'DISK_ERROR' });
    isBroken = false;
    await expect((await two!).finish()).rejects.toMatchObject({ code: 'DISK_ERROR' });
    expect(weak.copies.piecesOf(fill.copyId)).toEqual([]);
    await fill.close();
    // A fill that takes it up writes everything again that was not durable.
    const next = await weak.copies.resumeFill(task);
    expect(next?.pieces.size).toBe(0);
    await weak.dispose();
  });

  it('completes content of no bytes and of unknown length', async () => {
    const fill = await store.copies.beginFill(newCopy(task));
    const copy = await fill.complete({ contentLength: 0 });
    expect(copy).toMatchObject({ state: 'complete', contentLength: 0 });
  });

  describe('when the daemon starts again in the middle of a fill', () => {
    it('takes up the whole pieces and forgets one that is broken on disk', async () => {
      const fill = await store.copies.beginFill(newCopy(task, content.length));
      for (const { number, offset, bytes } of slicesOf(content).slice(0, 2)) {
        const writer = fill.openPiece({ number, offset, originHostId: 'me' });
        await writer.write(bytes);
        await writer.finish();
      }
      await store.close();
      const path = store.paths.copy(task, fill.copyId);
      const broken = Buffer.concat([content.subarray(0, 2 * PIECE_BYTES)]);
      broken[PIECE_BYTES + 5]! ^= 1;
      writeFileSync(path, broken);

      const again = openStore({ dir: store.dir });
      const resumed = await again.copies.resumeFill(task);
      expect([...(resumed?.pieces.keys() ?? [])]).toEqual([0]);
      expect(again.copies.piecesOf(fill.copyId).map(({ number }) => number)).toEqual([0]);
      store = again;
    });

    it('deletes a copy whose file is gone', async () => {
      const fill = await store.copies.beginFill(newCopy(task));
      await fill.close();
      const { unlink } = await import('node:fs/promises');
      await unlink(store.paths.copy(task, fill.copyId));
      expect(await store.copies.resumeFill(task)).toBeUndefined();
      expect(store.copies.countCopies()).toBe(0);
    });
  });

  it('fetches a piece again that was dropped from a complete copy', async () => {
    const copy = await fillWhole(store, task, content);
    store.copies.dropPiece(copy.copyId, 1);
    expect(store.copies.findComplete(task)).toBeUndefined();
    const fill = await store.copies.resumeFill(task);
    const piece = slicesOf(content)[1]!;
    const writer = fill!.openPiece({ ...piece, originHostId: 'me' });
    await writer.write(piece.bytes);
    await writer.finish();
    const again = await fill!.complete({ contentLength: content.length });
    expect((await readAll(store, again)).equals(content)).toBe(true);
  });

  it('tells listeners of each piece and of the end', async () => {
    const fill = await store.copies.beginFill(newCopy(task, PIECE_BYTES));
    const seen: (number | string)[] = [];
    store.copies.listen(fill.copyId, {
      onPiece: ({ number }) => seen.push(number),
      onEnd: (state) => seen.push(state),
    });
    const writer = fill.openPiece({ number: 0, offset: 0, originHostId: 'me' });
    await writer.write(content.subarray(0, PIECE_BYTES));
    await writer.finish();
    await fill.complete({ contentLength: PIECE_BYTES });
    expect(seen).toEqual([0, 'complete']);
    expect(statSync(store.paths.copy(task, fill.copyId)).size).toBe(PIECE_BYTES);
  });
});
