import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryLog } from '@pondhawk/observability';
import { CapacityGauge, DiskReserve, GarbageCollector, type GcSettings } from '../src/gc/index.js';
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

const content = contentOf(PIECE_BYTES);
const tasks = ['a', 'b', 'c', 'd', 'e'].map(taskIdOf);

function collectorOf(
  store: StoreFixture,
  settings: Partial<GcSettings>,
  capacityBytes = 1e12,
): GarbageCollector {
  return new GarbageCollector({
    copies: store.copies,
    deletion: store.deletion,
    repair: store.repair,
    reserve: new DiskReserve(join(store.dir, 'reserve')),
    disk: new CapacityGauge(capacityBytes, () => store.copies.storedBytes()),
    clock: store.clock,
    log: new MemoryLog(),
    settings: { intervalMs: 1e6, ttlMs: 1e12, highPercent: 80, lowPercent: 60, ...settings },
  });
}

describe('GarbageCollector', () => {
  let store: StoreFixture;
  beforeEach(() => (store = openStore()));
  afterEach(() => store.dispose());

  const held = (): typeof tasks => tasks.filter((task) => store.copies.findServable(task));

  async function fillAll(): Promise<void> {
    for (const task of tasks) {
      await fillWhole(store, task, content);
      store.clock.advance(1_000);
    }
  }

  it('deletes copies unused for longer than their time to live, and announces them', async () => {
    await fillAll();
    const report = await collectorOf(store, { ttlMs: 3_500 }).collect();
    expect(report).toEqual({ expired: 2, evicted: 0, freedBytes: 2 * PIECE_BYTES });
    expect(held()).toEqual(tasks.slice(2));
    expect(store.announced).toEqual(tasks.slice(0, 2));
    expect(filesIn(store.dir)).toHaveLength(3);
  });

  it('deletes the least used first, from the high down to the low watermark', async () => {
    await fillAll();
    store.copies.touch(store.copies.findComplete(tasks[0]!)!.copyId);
    // 5 of 6 pieces stored = 83 %; down to 60 % means two must go.
    await collectorOf(store, {}, 6 * PIECE_BYTES).collect();
    expect(held()).toEqual([tasks[0], tasks[3], tasks[4]]);
  });

  it('deletes nothing below the high watermark', async () => {
    await fillAll();
    await collectorOf(store, {}, 7 * PIECE_BYTES).collect();
    expect(held()).toEqual(tasks);
  });

  it('spares a fill under way and a copy that is being read', async () => {
    await fillWhole(store, tasks[0]!, content);
    const reader = await store.copies.openForReading(store.copies.findComplete(tasks[0]!)!.copyId);
    const fill = await store.copies.beginFill(newCopy(tasks[1]!));
    await fillWhole(store, tasks[2]!, content);
    store.clock.advance(1e9);
    await collectorOf(store, { ttlMs: 1 }).collect();
    expect(held()).toEqual([tasks[0], tasks[1]]);
    expect(fill.signal.aborted).toBe(false);
    await reader.close();
  });

  it('deletes a fill that was left and never taken up', async () => {
    const fill = await store.copies.beginFill(newCopy(tasks[0]!));
    await fill.close();
    store.clock.advance(1e9);
    await collectorOf(store, { ttlMs: 1 }).collect();
    expect(held()).toEqual([]);
  });
});

describe('a fill on a full disk', () => {
  const dir = mkdtempSync(join(tmpdir(), 'ph-full-'));
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'none', dir]).status === 0;
  const onTmpfs = isMounted ? it : it.skip;
  afterAll(() => {
    if (isMounted) spawnSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true, force: true });
  });

  onTmpfs(
    'has the least used copies collected, and fails with DISK_FULL when nothing is left to collect (needs mount)',
    async () => {
      const store = openStore({ dir });
      const gc = collectorOf(store, {});
      await gc.collect(); // Takes the reserve.
      store.copies.connect({ makeSpace: () => gc.makeSpace() });
      const half = contentOf(16 * PIECE_BYTES);
      for (const task of tasks.slice(0, 3)) await fillWhole(store, task, half);
      expect(store.copies.findComplete(tasks[0]!)).toBeUndefined();
      expect(store.copies.findComplete(tasks[2]!)).toBeDefined();
      await expect(fillWhole(store, tasks[3]!, contentOf(80 * PIECE_BYTES))).rejects.toMatchObject({
        code: 'DISK_FULL',
      });
      await store.close();
    },
    30_000,
  );
});
