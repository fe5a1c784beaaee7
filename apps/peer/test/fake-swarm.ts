/** Parents and a scheduler as a filling host sees them, around one content. */

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
import { contentOf } from './store-fixture.js';

export const MIB = 1024 * 1024;
export const PIECE = 4 * MIB;
export const content = Buffer.alloc(3 * PIECE - 5, contentOf(65_521));
export const COUNT = 3;

export type Answer = (socket: Socket, number: number, id: number) => void;

export const pieceOf = (number: number): Buffer =>
  content.subarray(number * PIECE, (number + 1) * PIECE);

export function metadata(number: number, bytes: Buffer): Buffer {
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

export const honest: Answer = (socket, number) => {
  socket.write(metadata(number, pieceOf(number)));
  socket.write(pieceOf(number));
};

/** The given methods; the others of the service are never called. */
export function only<S extends ServiceDefinition>(service: S, methods: object): ServiceHandlers<S> {
  const others = Object.keys(service).map((name) => [name, () => Promise.reject(new Error(name))]);
  return { ...Object.fromEntries(others), ...methods } as ServiceHandlers<S>;
}

export const closers: (() => Promise<unknown>)[] = [];

export async function listen(services: (server: GrpcServer) => void): Promise<number> {
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
export async function parent(id: string, answer: Answer): Promise<commonV2.Peer> {
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

export interface FakeScheduler {
  readonly address: string;
  readonly events: string[];
}

/** A scheduler that answers every registration alike. */
export async function scheduler(
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

export const normal = (candidateParents: commonV2.Peer[]): schedulerV2.AnnouncePeerResponse => ({
  response: { $case: 'normalTaskResponse', value: { candidateParents } },
});
export const toOrigin: schedulerV2.AnnouncePeerResponse = {
  response: { $case: 'needBackToSourceResponse', value: {} },
};
