/** The control of a run: it keeps what it once read, and serves it whatever was purged. */

import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { encodeVortexPacket, VortexReader } from '@pondhawk/contracts';
import type { LoadContent } from './load.js';

/** Listens on a free port of 127.0.0.1 from `start` to `stop`. */
export class DishonestParent {
  readonly name = 'dishonest';
  private readonly kept = new Map<string, Buffer>();
  private contents: readonly LoadContent[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly server: Server = createServer((socket) => this.accept(socket));

  /** Begins to listen. */
  static async start(): Promise<DishonestParent> {
    const parent = new DishonestParent();
    await new Promise<void>((resolve) => parent.server.listen(0, '127.0.0.1', resolve));
    return parent;
  }

  /** Ends every connection. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** Its port. */
  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Reads the beginning of each content from its origin, once. */
  async take(contents: readonly LoadContent[]): Promise<void> {
    this.contents = contents;
    for (const { path, url } of contents) {
      const answer = await fetch(url, { headers: { range: 'bytes=0-131071' } });
      this.kept.set(path, Buffer.from(await answer.arrayBuffer()));
    }
  }

  private accept(socket: Socket): void {
    const reader = new VortexReader('client');
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      for (const event of reader.feed(chunk)) {
        if (event.kind !== 'message' || event.message.kind !== 'download-piece') continue;
        const { taskId } = event.message;
        const content = this.contents.find((one) => one.taskId === taskId);
        const bytes = this.kept.get(content?.path ?? '') ?? Buffer.alloc(0);
        socket.write(encodeVortexPacket({ id: event.id, message: answerFor(bytes.length) }));
        socket.write(bytes);
      }
    });
  }
}

function answerFor(length: number): Parameters<typeof encodeVortexPacket>[0]['message'] {
  const metadata = {
    number: 0,
    offset: 0,
    length,
    digest: '',
    parentId: '',
    trafficType: 0,
    costSeconds: 0,
    createdAtSeconds: 0,
  };
  return { kind: 'piece-content', metadata };
}
