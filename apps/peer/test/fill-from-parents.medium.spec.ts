import type { Copy } from '../src/copies/index.js';
import type { DownloadSpec } from '../src/fill/index.js';
import {
  content,
  COUNT,
  pieceOf,
  honest,
  closers,
  normal,
  toOrigin,
  metadata,
  parent,
  scheduler,
  type Answer,
  type FakeScheduler,
} from './fake-swarm.js';
import { type FillFixture, openFills, rangesOf } from './fill-fixture.js';
import { readAll } from './store-fixture.js';

let fills: FillFixture;

async function begin(...parts: Parameters<typeof scheduler>): Promise<FakeScheduler> {
  const fake = await scheduler(...parts);
  fills = await openFills([fake.address]);
  fills.serve(rangesOf(content));
  return fake;
}

async function download(spec: DownloadSpec): Promise<Copy> {
  const source = fills.engine.join(spec);
  return source.kind === 'copy' ? source.copy : source.run.finished;
}

async function expectWhole(copy: Copy): Promise<void> {
  expect((await readAll(fills.store, copy)).equals(content)).toBe(true);
}

afterEach(async () => {
  await fills.dispose();
  await Promise.all(closers.splice(0).map((close) => close()));
});

describe('a fill from parents', () => {
  it('takes every piece from a parent and asks the origin for nothing', async () => {
    const one = await parent('one', honest);
    const { events } = await begin(() => normal([one]));
    await expectWhole(await download(fills.spec()));
    expect(fills.requests).toEqual([]);
    expect(events.filter((event) => event === 'downloadPieceFinishedRequest')).toHaveLength(COUNT);
    expect(events.at(-1)).toBe('downloadPeerFinishedRequest');
  });

  it.each<[string, Answer]>([
    [
      'sends wrong bytes',
      (socket, number) => {
        const wrong = Buffer.alloc(pieceOf(number).length, 1);
        socket.write(metadata(number, pieceOf(number)));
        socket.write(wrong);
      },
    ],
    [
      'lies consistently',
      (socket, number) => {
        const wrong = Buffer.alloc(pieceOf(number).length, 1);
        socket.write(metadata(number, wrong));
        socket.write(wrong);
      },
    ],
    [
      'cuts pieces off',
      (socket, number) => {
        socket.write(metadata(number, pieceOf(number)));
        socket.end(pieceOf(number).subarray(0, 1000));
      },
    ],
    ['resets connections', (socket) => socket.resetAndDestroy()],
    ['talks nonsense', (socket) => socket.write(Buffer.alloc(64, 0x77))],
  ])('does without a parent that %s', async (_, answer) => {
    const [good, bad] = [await parent('good', honest), await parent('bad', answer)];
    const { events } = await begin(() => normal([bad, good]));
    await expectWhole(await download(fills.spec()));
    expect(fills.requests).toEqual([]);
    expect(events).toContain('downloadPieceFailedRequest');
  });

  it('goes to the origin when every parent is bad, as the scheduler then says', async () => {
    const bad = await parent('bad', (socket) => socket.resetAndDestroy());
    await begin(({ request }) =>
      request?.$case === 'registerPeerRequest' ? normal([bad]) : toOrigin,
    );
    await expectWhole(await download(fills.spec()));
    expect(fills.requests.length).toBeGreaterThan(COUNT);
  });

  it('ends right without a scheduler that breaks off, and tells one that answers of its digests', async () => {
    await begin(() => 'fail');
    await expectWhole(await download(fills.spec()));
    await fills.dispose();
    const { events } = await begin(() => toOrigin);
    await expectWhole(await download(fills.spec()));
    expect(events.filter((event) => event === 'reported')).toHaveLength(COUNT);
    expect(events).toContain('downloadPeerBackToSourceFinishedRequest');
  });

  it('ends right when the scheduler never decides', async () => {
    await begin(() => 'hang');
    await expectWhole(await download(fills.spec()));
  }, 15_000);

  it('goes on with another parent when one says nothing', async () => {
    const [good, mute] = [await parent('good', honest), await parent('mute', () => undefined)];
    await begin(() => normal([mute, good]));
    await expectWhole(await download(fills.spec()));
    expect(fills.requests).toEqual([]);
  }, 30_000);
});
