/** A TCP relay that holds back what goes one way, as a longer way would. */

import { connect, createServer, type Server, type Socket } from 'node:net';

/** Where it listens, where it connects to, and how long bytes take each way. */
export interface RelayOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly target: { readonly host: string; readonly port: number };
  readonly toServerMs: number;
  readonly toClientMs: number;
}

/**
 * Relays connections from `start` to `stop`. Each chunk leaves so long after it came, in order. A call
 * on a connection that stands takes just so much longer.
 */
export class Relay {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly options: RelayOptions) {
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
    const { target, toServerMs, toClientMs } = this.options;
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
    passOn(client, server, toServerMs);
    passOn(server, client, toClientMs);
  }
}

function passOn(from: Socket, to: Socket, delayMs: number): void {
  // Timers of the same length fire in the order in which they were set.
  const later = (act: () => void): void => {
    if (delayMs === 0) act();
    else setTimeout(act, delayMs);
  };
  from.on('data', (chunk) => later(() => to.write(chunk)));
  from.once('end', () => later(() => to.end()));
}
