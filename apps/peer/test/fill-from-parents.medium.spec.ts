import { createHash } from 'node:crypto';
import { type Server, type Socket, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import {
  VortexReader,
  commonV2,
  dfdaemonV2,
  encodeVortexPacket,
  pondhawkV1,
  schedulerV2,
} from '@pondhawk/contracts';
import { GrpcServer, type ServiceDefinition, type ServiceHandlers } from '@pondhawk/rpc';
import type { Copy } from '../src/copies/index.js';
import type { DownloadSpec } from '../src/fill/index.js';
import { type FillFixture, openFills, rangesOf } from './fill-fixture.js';
import { contentOf, readAll } from './store-fixture.js';

const MIB = 1024 * 1024;
const PIECE = 4 * MIB;
const content = Buffer.alloc(3 * PIECE - 5, contentOf(65_521));
const COUNT = 3;

type Answer = (socket: Socket, number: number, id: number) => void;

const pieceOf = (number: number): Buffer => content.subarray(number * PIECE, (number + 1) * PIECE);

function metadata(number: number, bytes: Buffer): Buffer {
  return encodeVortexPacket({
    id: 0,
    message: {
      kind: 'piece-content',
      metadata: {
        number,
        offset: number * PIECE,
        length: bytes.length,
        digest: `crc32:${crc32(bytes)}`,
        parentId: '',
        trafficType: 0,
        costSeconds: 0,
        createdAtSeconds: 0,
      },
    },
  });
}

const honest: Answer = (socket, number) => {
  socket.write(metadata(number, pieceOf(number)));
  socket.write(pieceOf(number));
};

/** The given methods; the others of the service are never called. */
function only<S extends ServiceDefinition>(service: S, methods: object): ServiceHandlers<S> {
  const others = Object.keys(service).map((name) => [name, () => Promise.reject(new Error(name))]);
  return { ...Object.fromEntries(others), ...methods } as ServiceHandlers<S>;
}

const closers: (() => Promise<unknown>)[] = [];

async function listen(services: (server: GrpcServer) => void): Promise<number> {
  const server = new GrpcServer({
    listen: { host: '127.0.0.1', port: 0 },
    onUnexpectedError: () => undefined,
  });
  services(server);
  const port = await server.start();
  closers.push(() => server.stop(0));
  return Number(String(port).split(':').at(-1));
}

/** A foreign-looking parent that holds every piece and answers as it is told. */
async function parent(id: string, answer: Answer): Promise<commonV2.Peer> {
  const pieces: Server = createServer((socket) => {
    const reader = new VortexReader('client');
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (const event of reader.feed(chunk)) {
        if (event.kind === 'message' && event.message.kind === 'download-piece') {
          answer(socket, event.message.pieceNumber, event.id);
        }
      }
    });
    closers.push(() => Promise.resolve(socket.destroy()));
  });
  await new Promise<void>((done) => pieces.listen(0, '127.0.0.1', done));
  closers.push(() => new Promise((done) => pieces.close(done)));
  const tcpPort = (pieces.address() as AddressInfo).port;
  const port = await listen((server) => {
    server.addService(
      dfdaemonV2.DfdaemonUploadService,
      only(dfdaemonV2.DfdaemonUploadService, {
        async *syncPieces() {
          for (let number = 0; number < COUNT; number += 1) {
            yield await Promise.resolve({
              number,
              offset: BigInt(number * PIECE),
              length: BigInt(pieceOf(number).length),
              ip: '127.0.0.1',
              tcpPort,
              quicPort: undefined,
            });
          }
        },
      }),
    );
  });
  return commonV2.Peer.create({ id, host: { id, ip: '127.0.0.1', port } });
}

interface FakeScheduler {
  readonly address: string;
  readonly events: string[];
}

/** A scheduler that answers every registration alike. */
async function scheduler(
  decide: (
    request: schedulerV2.AnnouncePeerRequest,
  ) => schedulerV2.AnnouncePeerResponse | 'hang' | 'fail',
): Promise<FakeScheduler> {
  const events: string[] = [];
  const port = await listen((server) => {
    server.addService(
      schedulerV2.SchedulerService,
      only(schedulerV2.SchedulerService, {
        announceHost: () => Promise.resolve({}),
        deleteHost: () => Promise.resolve({}),
        async *announcePeer(requests: AsyncIterable<schedulerV2.AnnouncePeerRequest>) {
          for await (const request of requests) {
            const kind = request.request?.$case ?? '';
            events.push(kind);
            if (/Peer(BackToSource)?(Finished|Failed)Request$/.test(kind)) return;
            if (kind !== 'registerPeerRequest' && kind !== 'reschedulePeerRequest') continue;
            const decision = decide(request);
            if (decision === 'hang') continue;
            if (decision === 'fail') throw new Error('gone');
            yield decision;
          }
        },
      }),
    );
    server.addService(
      pondhawkV1.SwarmService,
      only(pondhawkV1.SwarmService, {
        announceCopies: () => Promise.resolve({}),
        reportPieces: async (batches: AsyncIterable<pondhawkV1.ReportPiecesRequest>) => {
          for await (const { pieces } of batches) events.push(...pieces.map(() => 'reported'));
          return {};
        },
        async *watchPieces() {
          yield await Promise.resolve({
            contentLength: BigInt(content.length),
            contentLengthKnown: true,
            pieceLength: BigInt(PIECE),
            validator: {
              etag: '"1"',
              lastModified: '',
              contentLength: BigInt(content.length),
              contentLengthKnown: true,
            },
            noneCanCome: false,
            pieces: Array.from({ length: COUNT }, (_, number) => ({
              number,
              offset: BigInt(number * PIECE),
              length: BigInt(pieceOf(number).length),
              crc32: crc32(pieceOf(number)),
              sha256: createHash('sha256').update(pieceOf(number)).digest(),
              hostId: 'origin-host',
            })),
          });
        },
      }),
    );
  });
  return { address: `127.0.0.1:${port}`, events };
}

const normal = (candidateParents: commonV2.Peer[]): schedulerV2.AnnouncePeerResponse => ({
  response: { $case: 'normalTaskResponse', value: { candidateParents } },
});
const toOrigin: schedulerV2.AnnouncePeerResponse = {
  response: { $case: 'needBackToSourceResponse', value: {} },
};

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
