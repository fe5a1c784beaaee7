import { createHook } from 'node:async_hooks';
import { PondhawkError, toError } from '@pondhawk/core';
import { chainHash } from '@pondhawk/purge';
import type { Copy } from '../src/copies/index.js';
import { closers, content, honest, normal, parent, scheduler } from './fake-swarm.js';
import { type FillFixture, openFills, rangesOf } from './fill-fixture.js';
import { filesIn, readAll } from './store-fixture.js';

const EPOCH = 'e1'.repeat(16);
/** What a download may say when it is purged. */
const CLEAR_WORDS = ['FILL_ABORTED', 'COPY_PURGED'];
/** Every one of the first continuations; later ones, which are alike, in steps. */
const DENSE_MAX = 24;
const STEP = 61;
const TEST_MS = 180_000;

/**
 * Counts continuations of promises, which is every place at which anything else may run between two
 * steps of a fill, and does something just before the one that is asked for.
 */
class Continuations {
  count = 0;
  private at = Infinity;
  private act: () => void = () => undefined;
  private readonly promises = new Set<number>();
  private readonly hook = createHook({
    init: (id, type) => {
      if (type === 'PROMISE') this.promises.add(id);
    },
    // Not in the callbacks of the system: these read what it said only after this hook.
    before: (id) => {
      if (!this.promises.has(id)) return;
      this.count += 1;
      if (this.count === this.at) this.act();
    },
  });

  /** Runs `work`, and `act` before its continuation number `at`. @returns how many there were. */
  async during(work: () => Promise<unknown>, at = Infinity, act = (): void => undefined) {
    this.count = 0;
    this.at = at;
    this.act = act;
    this.hook.enable();
    try {
      await work();
    } finally {
      this.hook.disable();
      this.promises.clear();
    }
    return this.count;
  }
}

describe('A purge that comes at any await of a download', () => {
  let fills: FillFixture;
  let purged = 0;
  let hash = '';
  let unclear: string[] = [];
  const continuations = new Continuations();

  afterEach(async () => {
    await fills.dispose();
    await Promise.all(closers.splice(0).map((close) => close()));
  });

  const begin = async (schedulers: readonly string[]): Promise<void> => {
    fills = await openFills(schedulers);
    fills.serve(rangesOf(content));
    fills.store.purges.adopt({ epoch: EPOCH, first: 1, head: 0, headHash: '' });
    [purged, hash, unclear] = [0, '', []];
  };
  const purge = (): void => {
    purged += 1;
    hash = chainHash(hash, purged, fills.spec().taskId);
    const entry = { seq: purged, taskId: fills.spec().taskId, chainHash: hash };
    fills.store.purges.take(EPOCH, [entry]);
  };
  const download = async (): Promise<Copy | Error> => {
    const source = fills.engine.join(fills.spec());
    if (source.kind === 'copy') return source.copy;
    return source.run.finished.catch((thrown: unknown) => toError(thrown));
  };

  /** One download with a purge at one place, and what must hold afterwards. */
  const purgeAt = async (at: number): Promise<void> => {
    const { store } = fills;
    let ended: Copy | Error | undefined;
    const before = purged;
    await continuations.during(async () => (ended = await download()), at, purge);
    if (purged === before) purge(); // The download was shorter this time.
    await store.deletion.finishTask(fills.spec().taskId);
    await store.deletion.idle();
    const where = `purge ${purged} at continuation ${at}`;
    if (ended instanceof Error) {
      const code = ended instanceof PondhawkError ? ended.code : String(ended.stack);
      if (!CLEAR_WORDS.includes(code)) unclear.push(`${where}: ${code}`);
    }
    const left = store.rows.listByTask(fills.spec().taskId);
    for (const copy of left) {
      // Begun after the purge: it is whole, or can be gone on with.
      expect({ where, filledAt: copy.filledAt }).toEqual({ where, filledAt: purged });
    }
    expect({ where, files: filesIn(store.dir).length }).toEqual({ where, files: left.length });
    const again = await download();
    if (again instanceof Error) throw new Error(where, { cause: again });
    expect((await readAll(store, again)).equals(content)).toBe(true);
    expect(again.filledAt).toBe(purged);
    purge();
    await store.deletion.finishTask(fills.spec().taskId);
    expect({ where, files: filesIn(store.dir) }).toEqual({ where, files: [] });
  };

  const everywhere = async (): Promise<number> => {
    const total = await continuations.during(download);
    purge();
    await fills.store.deletion.finishTask(fills.spec().taskId);
    for (let at = 1; at <= total; at += at < DENSE_MAX ? 1 : STEP) await purgeAt(at);
    expect(unclear).toEqual([]);
    return total;
  };

  it(
    'from the origin leaves nothing begun before it, and the download ends in clear words',
    async () => {
      await begin([]);
      expect(await everywhere()).toBeGreaterThan(DENSE_MAX);
    },
    TEST_MS,
  );

  it(
    'from parents leaves nothing begun before it, and the download ends in clear words',
    async () => {
      const one = await parent('one', honest);
      const { address } = await scheduler(() => normal([one]));
      await begin([address]);
      expect(await everywhere()).toBeGreaterThan(DENSE_MAX);
      expect(fills.requests).toEqual([]);
    },
    TEST_MS,
  );
});
