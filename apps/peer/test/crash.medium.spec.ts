import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FaultPoint } from '@pondhawk/core';
import {
  PIECE_BYTES,
  filesIn,
  openStore,
  readAll,
  taskIdOf,
  type StoreFixture,
} from './store-fixture.js';

const task = taskIdOf('task');
const whole = Buffer.concat([1, 2, 3, 4].map((byte) => Buffer.alloc(PIECE_BYTES, byte)));

/** Carries out an action in a process of its own, killed at `fault` if that is given. */
function run(
  dir: string,
  action: 'fill' | 'delete',
  fault?: string,
): { out: string; signal: unknown } {
  const child = spawnSync(
    process.execPath,
    [join(__dirname, 'crash-child.cjs'), dir, task, action],
    {
      encoding: 'utf8',
      timeout: 20_000,
      env: { NODE_ENV: 'test', ...(fault === undefined ? {} : { PONDHAWK_FAULT: fault }) },
    },
  );
  if (child.status !== 0 && child.signal === null) throw new Error(child.stderr);
  return { out: child.stdout, signal: child.signal };
}

describe('a peer that is killed', () => {
  let dir: string;
  let store: StoreFixture | undefined;
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'ph-crash-'))));
  afterEach(async () => {
    await store?.close();
    store = undefined;
    rmSync(dir, { recursive: true, force: true });
  });

  async function restart(): Promise<StoreFixture> {
    store = openStore({ dir });
    await store.repair.run();
    return store;
  }

  it.each<FaultPoint>([
    'peer.fill.row-written',
    'peer.fill.piece-written',
    'peer.fill.piece-row',
    'peer.fill.last-piece',
    'peer.fill.completed',
  ])('at %s has the content byte for byte after the next fill', async (point) => {
    expect(run(dir, 'fill', point).signal).toBe('SIGKILL');
    await (await restart()).close();
    store = undefined;
    if (point !== 'peer.fill.completed') run(dir, 'fill');
    const { copies } = await restart();
    const copy = copies.findComplete(task)!;
    expect((await readAll({ copies }, copy)).equals(whole)).toBe(true);
    expect(filesIn(dir)).toHaveLength(1);
    expect(copies.listByTask(task)).toHaveLength(1);
  });

  it('after half of the pieces asks only for the other half', () => {
    run(dir, 'fill', 'peer.fill.piece-row@2');
    expect(run(dir, 'fill').out).toBe('asked 2\n');
  });

  it.each<FaultPoint>([
    'peer.delete.marked',
    'peer.delete.aborted',
    'peer.delete.unlinked',
    'peer.delete.directory-synced',
    'peer.delete.rows-deleted',
    'peer.delete.announced',
  ])('at %s has nothing of the task after the next start', async (point) => {
    run(dir, 'fill');
    expect(run(dir, 'delete', point).signal).toBe('SIGKILL');
    const { copies, db } = await restart();
    expect(filesIn(dir)).toEqual([]);
    expect(copies.listByTask(task)).toEqual([]);
    expect(db.prepare('SELECT count(*) AS n FROM pieces').get()).toEqual({ n: 0 });
  });
});
