import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server as TcpServer,
} from 'node:net';
import { REFUSED_REDIRECTS } from './redirect-corpus.js';

/** Where the first hop listens: to be allowed by exactly this address, which is in no corpus. */
export const FIRST_HOP_ADDRESS = '127.0.0.2';

/**
 * An origin at `FIRST_HOP_ADDRESS` that redirects as `REFUSED_REDIRECTS` say, and one on 127.0.0.1
 * where nobody may ever come. Lives from `start` to `stop`.
 */
export class CorpusServer {
  /** Paths asked for at the first hop. */
  readonly paths: string[] = [];
  /** Connections to the server on 127.0.0.1; 0 if all is well. */
  insideConnections = 0;
  private readonly firstHop: Server;
  private readonly inside: TcpServer;

  constructor() {
    this.firstHop = createServer((request, response) => this.redirect(request, response));
    this.inside = createTcpServer((socket) => {
      this.insideConnections += 1;
      socket.destroy();
    });
  }

  /** Begins to listen, both on free ports. */
  async start(): Promise<void> {
    await listen(this.firstHop, FIRST_HOP_ADDRESS);
    await listen(this.inside, '127.0.0.1');
  }

  /** Ends every connection and stops listening. */
  async stop(): Promise<void> {
    this.firstHop.closeAllConnections();
    await new Promise<void>((resolve) => this.firstHop.close(() => resolve()));
    await new Promise<void>((resolve) => this.inside.close(() => resolve()));
  }

  /** The address at which redirect number `index` of the corpus is tried, after `goodHops` others. */
  redirectUrl(index: number, goodHops = 0): string {
    const { port } = this.firstHop.address() as AddressInfo;
    return `http://${FIRST_HOP_ADDRESS}:${port}/${goodHops}/${index}`;
  }

  /** The URL of a host of the corpus, with the port on which this machine would answer. */
  hostUrl(host: string): string {
    return `http://${host}:${(this.inside.address() as AddressInfo).port}/file`;
  }

  private redirect({ url = '' }: IncomingMessage, response: ServerResponse): void {
    this.paths.push(url);
    const [goodHops, index] = url.slice(1).split('/').map(Number);
    const { status, location } = REFUSED_REDIRECTS[index ?? 0]!;
    if (goodHops !== undefined && goodHops > 0) {
      response.writeHead(302, { location: `/${goodHops - 1}/${index}` }).end();
      return;
    }
    const port = String((this.inside.address() as AddressInfo).port);
    const header = location === undefined ? {} : { location: location.replaceAll('PORT', port) };
    response.writeHead(status, header).end();
  }
}

async function listen(server: TcpServer, address: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, address, resolve);
  });
}
