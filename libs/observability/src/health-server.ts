import { createServer, type Server, type ServerResponse } from 'node:http';
import { ConfigError, errnoOf, toError } from '@pondhawk/core';
import type { Metrics } from './metrics.js';

/** Answers whether a part is ready; throws or returns a reason if not. */
export type ReadinessCheck = () => string | undefined | Promise<string | undefined>;

/** A check that has not answered by then counts as failed. */
export const READINESS_CHECK_TIMEOUT_MS = 2_000;

/** Where to listen, and what to show. */
export interface HealthServerOptions {
  readonly host: string;
  /** 0 for a free port. */
  readonly port: number;
  /** Absent: no `/metrics` here. */
  readonly metrics?: Metrics;
  /** `false`: only `/metrics`. Default true. */
  readonly health?: boolean;
}

/**
 * Plain HTTP for probes: `/healthy` and `/healthz` (the process answers), `/readyz` (every check
 * passes, else 503 with the failing ones), `/metrics`. Listens from `start` to `stop`; probes
 * fail as ready from the moment `stop` begins.
 */
export class HealthServer {
  private readonly checks = new Map<string, ReadinessCheck>();
  private readonly details = new Map<string, () => string>();
  private server: Server | undefined; // Set between start and stop.

  constructor(private readonly options: HealthServerOptions) {}

  /** Adds a part that must be ready; the name shows in `/readyz`. */
  addCheck(name: string, check: ReadinessCheck): void {
    this.checks.set(name, check);
  }

  /** Adds a fact that is shown in `/readyz` and decides nothing. */
  addDetail(name: string, tell: () => string): void {
    this.details.set(name, tell);
  }

  /** @returns the bound port. @throws ConfigError (`ADDRESS_UNUSABLE`) if it cannot be bound. */
  async start(): Promise<number> {
    const { host, port } = this.options;
    const server = createServer((request, response) => {
      void this.answer(request.url ?? '/', response);
    });
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        reject(unusable(`${host}:${port}`, error));
      });
      server.listen(port, host, resolve);
    });
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Closes the port and every connection. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  private async answer(url: string, response: ServerResponse): Promise<void> {
    try {
      const path = url.split('?')[0] ?? url;
      const { status, type, body } = await this.respond(path);
      response.writeHead(status, { 'content-type': type }).end(body);
    } catch (error) {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(toError(error).message);
    }
  }

  private async respond(path: string): Promise<{ status: number; type: string; body: string }> {
    const { metrics, health = true } = this.options;
    if (path === '/metrics' && metrics !== undefined) {
      return { status: 200, type: metrics.contentType, body: await metrics.render() };
    }
    if (health && (path === '/healthy' || path === '/healthz')) return json(200, { status: 'ok' });
    if (health && path === '/readyz') {
      const failing = await this.failingChecks();
      return failing.length === 0
        ? json(200, { status: 'ok', ...this.tellDetails() })
        : json(503, { status: 'unavailable', failing, ...this.tellDetails() });
    }
    return json(404, { status: 'not found' });
  }

  private tellDetails(): { details?: Record<string, string> } {
    if (this.details.size === 0) return {};
    return { details: Object.fromEntries([...this.details].map(([name, tell]) => [name, tell()])) };
  }

  private async failingChecks(): Promise<{ name: string; reason: string }[]> {
    const results = await Promise.all(
      [...this.checks].map(async ([name, check]) => ({ name, reason: await runCheck(check) })),
    );
    return results.flatMap(({ name, reason }) => (reason === undefined ? [] : [{ name, reason }]));
  }
}

async function runCheck(check: ReadinessCheck): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('no answer'), READINESS_CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([Promise.resolve().then(check), timeout]);
  } catch (error) {
    return toError(error).message;
  } finally {
    clearTimeout(timer);
  }
}

function json(status: number, body: unknown): { status: number; type: string; body: string } {
  return { status, type: 'application/json', body: JSON.stringify(body) };
}

function unusable(address: string, error: Error): ConfigError {
  return new ConfigError(
    'ADDRESS_UNUSABLE',
    `Cannot listen on ${address} (${errnoOf(error) ?? error.message}). Is the port taken, or the address not of this machine?`,
    { cause: error },
  );
}
