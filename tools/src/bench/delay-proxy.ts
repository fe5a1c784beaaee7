/** A TCP relay that holds back what goes to the server, as a longer way would. */

import { connect, createServer, type Server, type Socket } from 'node:net';

/** Where it listens, where it connects to, and how long bytes to the server take. */
export interface DelayProxyOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly target: { readonly host: string; readonly port: number };
  readonly delayMs: number;
}

/**
 * Relays connections from `start` to `stop`. Each chunk towards the server leaves `delayMs` after it
 * came, in order; answers pass at once. A call on a connection that stands takes just so much longer.
 */
export class DelayProxy {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly options: DelayProxyOptions) {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
      this.relay(client),
    );
  }

  /** Begins to listen. */
  async start(): Promise<void> {
    const { host, port } = this.options.listen;
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host, resolve);
    });
  }

  /** Breaks every connection and stops listening. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private relay(client: Socket): void {
    const { target, delayMs } = this.options;
    const server = connect({ ...target, noDelay: true, allowHalfOpen: true });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(one);
      one.on('error', () => one.destroy());
      one.once('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
    }
    // Timers of the same length fire in the order in which they were set.
    client.on('data', (chunk) => void setTimeout(() => server.write(chunk), delayMs));
    client.once('end', () => void setTimeout(() => server.end(), delayMs));
    server.on('data', (chunk) => void client.write(chunk));
    server.once('end', () => void client.end());
  }
}
