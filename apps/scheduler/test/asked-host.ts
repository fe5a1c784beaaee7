/** A host that is asked from outside: its gRPC service and its piece port, each as a test wants it. */

import { createServer, type AddressInfo, type Socket } from 'node:net';
import {
  commonV2,
  dfdaemonV2,
  encodeVortexPacket,
  VortexReader,
  type VortexAnswer,
} from '@pondhawk/contracts';
import { NotFoundError } from '@pondhawk/core';
import { GrpcServer, Metadata, type ServiceHandlers } from '@pondhawk/rpc';

/** The copy that a host says it has. */
export interface SaidCopy {
  readonly copyId: string;
  readonly logEpoch: string;
  readonly filledAt: number;
}

/** What a piece port does with a question. */
export type PieceBehaviour =
  | Buffer
  /** Error NotFound. */
  | 'refuses'
  /** Ends the connection. */
  | 'closes'
  /** Says nothing. */
  | 'silent';

type Asked = 'plain' | 'guarded';

/** Listens from `start` to `stop`; what it does may be changed in between. */
export class AskedHost {
  says: SaidCopy | undefined;
  tellsPort = true;
  /** A port that a daemon of another make has besides. */
  isPortRegistered = false;
  /** Called with each question, before it is answered. */
  onAsked: (how: Asked) => void = () => undefined;
  plain: PieceBehaviour = 'refuses';
  guarded: PieceBehaviour = 'refuses';
  readonly asked: Asked[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly pieces = createServer((socket) => this.accept(socket));
  private readonly grpc = new GrpcServer({
    listen: { host: '127.0.0.1', port: 0 },
    onUnexpectedError: ({ error }) => {
      throw error;
    },
  });
  private port = 0;

  static async start(): Promise<AskedHost> {
    const host = new AskedHost();
    await new Promise<void>((resolve) => host.pieces.listen(0, '127.0.0.1', resolve));
    host.grpc.addService(dfdaemonV2.DfdaemonUploadService, host.handlers());
    host.port = await host.grpc.start();
    return host;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.pieces.close(() => resolve()));
    await this.grpc.stop(0);
  }

  get record(): commonV2.Host {
    const { port } = this;
    const downloadPort = this.isPortRegistered ? this.piecePort : port;
    return commonV2.Host.fromPartial({ id: 'asked', ip: '127.0.0.1', port, downloadPort });
  }

  private get piecePort(): number {
    return (this.pieces.address() as AddressInfo).port;
  }

  private handlers(): ServiceHandlers<typeof dfdaemonV2.DfdaemonUploadService> {
    const missing = Object.fromEntries(
      Object.keys(dfdaemonV2.DfdaemonUploadService).map((method) => [
        method,
        async () => Promise.reject(new Error(`${method} is not there.`)),
      ]),
    ) as unknown as ServiceHandlers<typeof dfdaemonV2.DfdaemonUploadService>;
    return {
      ...missing,
      syncPieces: (_request, context) => this.tell(context),
    };
  }

  private async *tell(context: SyncContext): AsyncGenerator<dfdaemonV2.SyncPiecesResponse> {
    const { says } = this;
    const metadata = new Metadata();
    if (this.tellsPort) metadata.set('pondhawk-piece-port', String(this.piecePort));
    if (says !== undefined) {
      metadata.set('pondhawk-pieces', '1');
      metadata.set('pondhawk-copy-id', says.copyId);
      metadata.set('pondhawk-log-id', `1.${says.logEpoch}`);
      metadata.set('pondhawk-filled-at', String(says.filledAt));
    }
    context.sendMetadata(metadata);
    yield* [];
    if (says === undefined) await Promise.reject(new NotFoundError('TASK_NOT_FOUND', 'none'));
  }

  private accept(socket: Socket): void {
    const reader = new VortexReader('client');
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      for (const event of reader.feed(chunk)) {
        if (event.kind !== 'message' || event.message.kind === 'close') continue;
        const how = event.message.kind === 'download-piece' ? 'plain' : 'guarded';
        this.asked.push(how);
        this.onAsked(how);
        this.answer(socket, event.id, how);
      }
    });
  }

  private answer(socket: Socket, id: number, how: Asked): void {
    const behaviour = this[how];
    if (behaviour === 'silent') return;
    if (behaviour === 'closes') {
      socket.destroy();
      return;
    }
    const message: VortexAnswer =
      behaviour === 'refuses'
        ? { kind: 'error', code: 2, text: 'no such piece' }
        : how === 'plain'
          ? { kind: 'piece-content', metadata: metadataOf(behaviour) }
          : { kind: 'guarded-piece-content', metadata: metadataOf(behaviour), applied: 9 };
    socket.write(encodeVortexPacket({ id, message }));
    if (behaviour !== 'refuses') socket.write(behaviour);
  }
}

type SyncContext = Parameters<
  ServiceHandlers<typeof dfdaemonV2.DfdaemonUploadService>['syncPieces']
>[1];

function metadataOf({ length }: Buffer) {
  return {
    ...{ number: 0, offset: 0, length, digest: '', parentId: '' },
    ...{ trafficType: 0, costSeconds: 0, createdAtSeconds: 0 },
  };
}
