import { createServer, type Server, type Socket } from 'node:net';
import { ConfigError, errnoOf } from '@pondhawk/core';
import {
  PROGRESS_TIMEOUT_MS,
  PieceConnection,
  REQUEST_TIMEOUT_MS,
  type PieceConnectionParts,
} from './piece-connection.js';

/** Connections served at once; a further one is closed at once, and its child asks another parent. */
export const CONNECTIONS_MAX = 512;

/** Where pieces are served, and limits that tests make shorter. */
export interface PieceServerOptions {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  readonly connectionsMax?: number;
  readonly requestTimeoutMs?: number;
  readonly progressTimeoutMs?: number;
}

/** What the server works with. */
export type PieceServerParts = Omit<
  PieceConnectionParts,
  'requestTimeoutMs' | 'progressTimeoutMs'
> & {
  /** While it says no, connections are closed at once. Default: always. */
  readonly mayServe?: () => boolean;
};

/** Serves pieces of copies to other peers. Listens from `start` to `stop`. */
export class PieceServer {
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined; // Set between start and stop.
  private boundPort = 0;

  constructor(
    private readonly options: PieceServerOptions,
    private readonly parts: PieceServerParts,
  ) {}

  /** The bound port; 0 before `start`. */
  get port(): number {
    return this.boundPort;
  }

  /** Connections open now. */
  get connectionCount(): number {
    return this.sockets.size;
  }

  /** @returns the bound port. @throws ConfigError (`ADDRESS_UNUSABLE`). */
  async start(): Promise<number> {
    const { host, port } = this.options;
    const server = createServer((socket) => this.accept(socket));
    server.maxConnections = this.options.connectionsMax ?? CONNECTIONS_MAX;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(unusable(`${host}:${port}`, error)));
      server.listen(port, host, resolve);
    });
    this.server = server;
    const address = server.address();
    this.boundPort = typeof address === 'object' && address !== null ? address.port : port;
    return this.boundPort;
  }

  /** Closes the port and cuts every connection: children go on with other parents. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      this.cutAll();
    });
  }

  /** Cuts every connection. */
  cutAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private accept(socket: Socket): void {
    if (this.parts.mayServe?.() === false) {
      socket.destroy();
      return;
    }
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    new PieceConnection(socket, {
      ...this.parts,
      requestTimeoutMs: this.options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
      progressTimeoutMs: this.options.progressTimeoutMs ?? PROGRESS_TIMEOUT_MS,
    }).start();
  }
}

function unusable(address: string, error: Error): ConfigError {
  return new ConfigError(
    'ADDRESS_UNUSABLE',
    `Cannot listen on ${address} (${errnoOf(error) ?? error.message}). Is the port taken, or the address not of this machine?`,
    { cause: error },
  );
}
