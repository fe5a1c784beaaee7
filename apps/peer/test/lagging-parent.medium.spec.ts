import { commonV2, dfdaemonV2 } from '@pondhawk/contracts';
import { MemoryLog, SystemClock } from '@pondhawk/observability';
import { chainHash, type PurgeEntry } from '@pondhawk/purge';
import type { Copy } from '../src/copies/index.js';
import { ChunkPool, PieceServer } from '../src/piece-serving/index.js';
import { RateLimiter } from '../src/rate-limit/index.js';
import { syncPieces } from '../src/upload-service/index.js';
import {
  COUNT,
  PIECE,
  closers,
  content,
  listen,
  normal,
  only,
  pieceOf,
  scheduler,
} from './fake-swarm.js';
import { type FillFixture, openFills, rangesOf } from './fill-fixture.js';
import { newCopy, openStore, readAll, taskIdOf, type StoreFixture } from './store-fixture.js';
import { TestGate } from './test-gate.js';

const EPOCH = 'e1'.repeat(16);
const EMPTY = { epoch: EPOCH, first: 1, head: 0, headHash: '' };

/** Purges 1, 2, … of tasks that nobody holds. */
function entriesUpTo(head: number): PurgeEntry[] {
  let hash = '';
  return Array.from({ length: head }, (_, index) => {
    const taskId = taskIdOf(`purged-${index}`);
    hash = chainHash(hash, index + 1, taskId);
    return { seq: index + 1, taskId, chainHash: hash };
  });
}

/** One of our own hosts that holds the content, and stands at a number of the purge log. */
class RealParent {
  readonly answered: string[] = [];
  readonly gate = new TestGate();
  readonly store: StoreFixture = openStore();
  peer = commonV2.Peer.create({});
  private readonly pieces = new PieceServer(
    { host: '127.0.0.1', port: 0 },
    {
      copies: this.store.copies,
      chunks: new ChunkPool(),
      limiter: new RateLimiter(0, new SystemClock()),
      gate: this.gate,
      log: new MemoryLog(),
      onSent: () => undefined,
      onAnswered: (outcome) => this.answered.push(outcome),
    },
  );

  static async start(id: string, taskId: string, applied: number): Promise<RealParent> {
    const parent = new RealParent();
    parent.store.purges.adopt(EMPTY);
    parent.store.purges.take(EPOCH, entriesUpTo(applied));
    await parent.hold(taskId);
    await parent.pieces.start();
    const parts = {
      copies: parent.store.copies,
      clusterId: 1,
      isBlocked: () => false,
      address: () => ({ ip: '127.0.0.1', port: parent.pieces.port }),
    };
    const port = await listen((server) => {
      server.addService(
        dfdaemonV2.DfdaemonUploadService,
        only(dfdaemonV2.DfdaemonUploadService, {
          syncPieces: (...[request, context]: Parameters<typeof syncPieces>) =>
            syncPieces(request, context, parts),
        }),
      );
    });
    parent.peer = commonV2.Peer.create({ id, host: { id, ip: '127.0.0.1', port } });
    closers.push(async () => {
      await parent.pieces.stop();
      await parent.store.dispose();
    });
    return parent;
  }

  private async hold(taskId: string): Promise<void> {
    const copy = { ...newCopy(taskId as never, content.length), pieceLength: PIECE };
    const fill = await this.store.copies.beginFill(copy);
    for (let number = 0; number < COUNT; number += 1) {
      const bytes = pieceOf(number);
      const writer = fill.openPiece({
        ...{ number, offset: number * PIECE, length: bytes.length, originHostId: 'me' },
      });
      await writer.write(bytes);
      await writer.finish();
    }
    await fill.complete({ contentLength: content.length });
  }
}

describe('A fill begun after a purge that a parent has not applied yet', () => {
  let fills: FillFixture;
  let parents: RealParent[];
  let events: string[];

  beforeEach(async () => {
    parents = [];
    const fake = await scheduler(() => normal(parents.map(({ peer }) => peer)));
    events = fake.events;
    fills = await openFills([fake.address]);
    fills.serve(rangesOf(content));
    fills.store.purges.adopt(EMPTY);
    fills.store.purges.take(EPOCH, entriesUpTo(2));
  });
  afterEach(async () => {
    await fills.dispose();
    await Promise.all(closers.splice(0).map((close) => close()));
  });

  const add = async (id: string, applied: number): Promise<RealParent> => {
    const parent = await RealParent.start(id, fills.spec().taskId, applied);
    parents.push(parent);
    return parent;
  };
  const download = async (): Promise<Copy> => {
    const source = fills.engine.join(fills.spec());
    return source.kind === 'copy' ? source.copy : source.run.finished;
  };
  const expectWhole = async (copy: Copy): Promise<void> => {
    expect((await readAll(fills.store, copy)).equals(content)).toBe(true);
    expect([copy.state, copy.filledAt]).toEqual(['complete', 2]);
  };

  it('takes nothing from it, and all from one that has', async () => {
    const lagging = await add('lagging', 1);
    const current = await add('current', 2);
    await expectWhole(await download());
    expect(new Set(lagging.answered)).not.toContain('served');
    expect(current.answered.filter((outcome) => outcome === 'served')).toHaveLength(COUNT);
    expect(fills.requests).toEqual([]);
  });

  it('is refused every piece when there is no other, and ends right from the origin', async () => {
    const lagging = await add('lagging', 1);
    await expectWhole(await download());
    expect(new Set(lagging.answered)).toEqual(new Set(['behind']));
    expect(events).toContain('downloadPieceFailedRequest');
    expect(new Set(fills.parentRefusals)).toEqual(new Set(['behind']));
    expect(fills.requests.length).toBeGreaterThan(0);
  });

  it('takes from it once it has applied the purge', async () => {
    const lagging = await add('lagging', 1);
    lagging.store.purges.take(EPOCH, entriesUpTo(2));
    await expectWhole(await download());
    expect(lagging.answered).toEqual(Array(COUNT).fill('served'));
    expect(fills.requests).toEqual([]);
  });
});

describe('A parent without a lease', () => {
  let fills: FillFixture;
  let parents: RealParent[];
  let events: string[];

  beforeEach(async () => {
    parents = [];
    const fake = await scheduler(() => normal(parents.map(({ peer }) => peer)));
    events = fake.events;
    fills = await openFills([fake.address]);
    fills.serve(rangesOf(content));
    fills.store.purges.adopt(EMPTY);
    parents.push(await RealParent.start('parent', fills.spec().taskId, 0));
    parents[0]!.gate.isOpen = false;
  });
  afterEach(async () => {
    await fills.dispose();
    await Promise.all(closers.splice(0).map((close) => close()));
  });

  const download = async (): Promise<Copy> => {
    const source = fills.engine.join(fills.spec());
    return source.kind === 'copy' ? source.copy : source.run.finished;
  };

  it('is asked again, and gives all once it has one; the scheduler hears of no failure', async () => {
    const [parent] = parents;
    setTimeout(() => (parent!.gate.isOpen = true), 400);
    const copy = await download();
    expect((await readAll(fills.store, copy)).equals(content)).toBe(true);
    expect(parent!.answered.filter((outcome) => outcome === 'served')).toHaveLength(COUNT);
    expect(parent!.answered).toContain('no_lease');
    expect(new Set(fills.parentRefusals)).toEqual(new Set(['no_lease']));
    expect(events).not.toContain('downloadPieceFailedRequest');
    expect(fills.requests).toEqual([]);
  });

  it('is given up when it gets none, and the content comes from the origin', async () => {
    const copy = await download();
    expect((await readAll(fills.store, copy)).equals(content)).toBe(true);
    expect(new Set(parents[0]!.answered)).toEqual(new Set(['no_lease']));
    expect(fills.requests.length).toBeGreaterThan(0);
  }, 20_000);
});
