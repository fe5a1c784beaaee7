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

/** How a piece was asked for. */
type Asked = 'plain' | 'guarded';

/** Listens from `start` to `stop`; what it does may be changed in between. */
export class AskedHost {
  says: SaidCopy | undefined;
  /** It lists a piece, as daemons of other makes do that name no copy. */
  listsPiece = false;
  tellsPort = true;
  /** The task that all this is about, if not every one; of others it has nothing. */
  task: string | undefined;
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

  /** Begins to listen at free ports of 127.0.0.1. */
  static async start(): Promise<AskedHost> {
    const host = new AskedHost();
    await new Promise<void>((resolve) => host.pieces.listen(0, '127.0.0.1', resolve));
    host.grpc.addService(dfdaemonV2.DfdaemonUploadService, host.handlers());
    host.port = await host.grpc.start();
    return host;
  }

  /** Ends every connection. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.pieces.close(() => resolve()));
    await this.grpc.stop(0);
  }

  /** As it announces itself. */
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
      syncPieces: ({ taskId }, context) => this.tell(taskId, context),
    };
  }

  private isMeant(taskId: string): boolean {
    return this.task === undefined || this.task === taskId;
  }

  private async *tell(
    taskId: string,
    context: SyncContext,
  ): AsyncGenerator<dfdaemonV2.SyncPiecesResponse> {
    const says = this.isMeant(taskId) ? this.says : undefined;
    const lists = this.isMeant(taskId) && this.listsPiece;
    const metadata = new Metadata();
    if (this.tellsPort) metadata.set('pondhawk-piece-port', String(this.piecePort));
    if (says !== undefined) {
      metadata.set('pondhawk-pieces', '1');
      metadata.set('pondhawk-copy-id', says.copyId);
      metadata.set('pondhawk-log-id', `1.${says.logEpoch}`);
      metadata.set('pondhawk-filled-at', String(says.filledAt));
    }
    context.sendMetadata(metadata);
    if (lists) yield { ...LISTED, tcpPort: this.piecePort };
    if (says === undefined && !lists)
      await Promise.reject(new NotFoundError('TASK_NOT_FOUND', 'none'));
  }

  private accept(socket: Socket): void {
    const reader = new VortexReader('client');
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      for (const event of reader.feed(chunk)) {
        if (event.kind !== 'message' || !('taskId' in event.message)) continue;
        const how = event.message.kind === 'download-piece' ? 'plain' : 'guarded';
        this.asked.push(how);
        this.onAsked(how);
        const behaviour = this.isMeant(event.message.taskId) ? this[how] : 'refuses';
        answer(socket, { id: event.id, how, behaviour });
      }
    });
  }
}

const LISTED = { number: 0, offset: 0n, length: 1n, ip: '127.0.0.1', quicPort: undefined };

function answer(
  socket: Socket,
  {
    id,
    how,
    behaviour,
  }: { readonly id: number; readonly how: Asked; readonly behaviour: PieceBehaviour },
): void {
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

type SyncContext = Parameters<
  ServiceHandlers<typeof dfdaemonV2.DfdaemonUploadService>['syncPieces']
>[1];

function metadataOf({ length }: Buffer) {
  return {
    ...{ number: 0, offset: 0, length, digest: '', parentId: '' },
    ...{ trafficType: 0, costSeconds: 0, createdAtSeconds: 0 },
  };
}
