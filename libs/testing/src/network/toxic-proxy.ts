/** A TCP proxy between processes, on which the way between two of them can be cut and healed. */

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** One place to connect to, and who stands there. */
export interface ProxyRoute {
  readonly name: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly target: { readonly host: string; readonly port: number };
}

interface Link {
  readonly client: Socket;
  readonly clientName: string;
  readonly serverName: string;
  server: Socket | undefined;
  hasEnded: boolean;
}

/**
 * Passes connections on from `start` to `stop`. Of a way that is cut nothing arrives in either
 * direction, neither bytes nor the end of a connection, as when packets are dropped; a new connection
 * over it hangs. What was under way arrives after the cut, or the connection breaks: `heal` says which.
 */
export class ToxicProxy {
  private readonly servers: Server[] = [];
  private readonly links = new Set<Link>();
  private readonly cutOff = new Set<string>();

  /**
   * @param nameOf who has the client's end of a connection to `serverPort`; '' for somebody who is never cut off.
   */
  constructor(
    private readonly routes: readonly ProxyRoute[],
    private readonly nameOf: (ends: { clientPort: number; serverPort: number }) => string,
  ) {}

  /** Listens at every route. */
  async start(): Promise<void> {
    for (const route of this.routes) {
      const server = createServer({ noDelay: true }, (client) => this.accept(client, route));
      this.servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(route.listen, resolve);
      });
    }
  }

  /** Breaks every connection and stops listening. */
  async stop(): Promise<void> {
    this.links.forEach((link) => this.end(link));
    await Promise.all(
      this.servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }

  /** Nothing passes between this one and any other from now on. */
  cut(name: string): void {
    this.cutOff.add(name);
    this.links.forEach((link) => this.update(link));
  }

  /** Takes a cut back. Connections that stood over it go on late, or break. */
  heal(name: string, way: 'go-on' | 'break'): void {
    const stood = [...this.links].filter((link) => this.isCut(link));
    this.cutOff.delete(name);
    for (const link of stood) {
      if (this.isCut(link)) continue;
      if (link.hasEnded || way === 'break') this.end(link);
      else this.update(link);
    }
  }

  private accept(client: Socket, route: ProxyRoute): void {
    const serverPort = (client.address() as AddressInfo).port;
    const clientName = this.nameOf({ clientPort: client.remotePort ?? 0, serverPort });
    const link: Link = {
      client,
      clientName,
      serverName: route.name,
      server: undefined,
      hasEnded: false,
    };
    this.links.add(link);
    const server = connect({ ...route.target, noDelay: true });
    link.server = server;
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('error', () => from.destroy());
      from.on('data', (chunk) => {
        if (!to.write(chunk)) from.pause();
      });
      from.on('drain', () => this.update(link));
      from.once('close', () => this.onClosed(link));
    }
    this.update(link);
  }

  private onClosed(link: Link): void {
    link.hasEnded = true;
    if (this.isCut(link)) return;
    this.links.delete(link);
    link.client.destroySoon(); // What is on its way still arrives.
    link.server?.destroySoon();
  }

  private end(link: Link): void {
    this.links.delete(link);
    link.client.destroy();
    link.server?.destroy();
  }

  private update(link: Link): void {
    const { client, server } = link;
    if (server === undefined) return;
    const isCut = this.isCut(link);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      if (isCut || to.writableNeedDrain) from.pause();
      else from.resume();
    }
  }

  private isCut({ clientName, serverName }: Link): boolean {
    return (
      clientName !== serverName && (this.cutOff.has(clientName) || this.cutOff.has(serverName))
    );
  }
}
