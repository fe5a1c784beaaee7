import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { commonV2 } from '@pondhawk/contracts';
import { NoFaults, parseHostId, parseIncarnation } from '@pondhawk/core';
import { SystemClock, SystemLeaseClocks } from '@pondhawk/observability';
import { PassThrough } from '../src/download-service/index.js';
import { type DownloadSpec, FillEngine, parseDownload } from '../src/fill/index.js';
import type { ServingGate } from '../src/lease/index.js';
import { AddressGuard } from '@pondhawk/origin';
import { OriginClient } from '../src/origin/index.js';
import { RateLimiter } from '../src/rate-limit/index.js';
import { SchedulerLink } from '../src/scheduler-link/index.js';
import { type StoreFixture, openStore } from './store-fixture.js';

export type OriginHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** An origin whose behaviour can be changed, and an engine over a real store. */
export interface FillFixture {
  readonly store: StoreFixture;
  readonly link: SchedulerLink;
  readonly engine: FillEngine;
  readonly origin: OriginClient;
  /** Why parents would not send pieces at the moment. */
  readonly parentRefusals: readonly string[];
  readonly url: string;
  /** Headers of every request so far. */
  readonly requests: IncomingMessage[];
  serve(handler: OriginHandler): void;
  spec(extra?: Partial<commonV2.Download>): DownloadSpec;
  dispose(): Promise<void>;
}

export async function openFills(
  schedulers: readonly string[] = [],
  dir?: string,
): Promise<FillFixture> {
  const store = openStore(dir === undefined ? {} : { dir });
  let handler: OriginHandler = (_, response) => void response.writeHead(404).end();
  const requests: IncomingMessage[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
  const facts = {
    hostId: parseHostId('127.0.0.1-me'),
    incarnation: parseIncarnation('0'.repeat(32)),
    formerIncarnations: [],
    hostname: 'me',
    ip: '127.0.0.1',
    type: 'normal' as const,
    idc: '',
    location: '',
    clusterId: 1,
  };
  const link = new SchedulerLink(
    {
      dataDir: store.dir,
      schedulerAddresses: schedulers,
      announceIntervalMs: 10_000,
      listIntervalMs: 60_000,
    },
    facts,
    store.copies,
    store.log,
  );
  await link.start(4000);
  const origin = new OriginClient({
    guard: new AddressGuard(['127.0.0.0/8']),
    timeoutMs: 1_000,
    maxRedirects: 5,
  });
  const clock = new SystemClock();
  const parentRefusals: string[] = [];
  const engine = new FillEngine({
    copies: store.copies,
    link,
    origin,
    downloadLimiter: new RateLimiter(0, clock),
    originLimiter: new RateLimiter(0, clock),
    faults: new NoFaults(),
    random: () => 0.5,
    concurrentPieceCount: 8,
    log: store.log,
    onAborted: () => undefined,
    onParentRefused: (reason) => parentRefusals.push(reason),
  });
  return {
    store,
    link,
    origin,
    parentRefusals,
    engine,
    url,
    requests,
    serve: (next) => (handler = next),
    spec: (extra = {}) => parseDownload({ ...commonV2.Download.create({}), url, ...extra }),
    dispose: async () => {
      await engine.stop();
      await link.stop();
      await origin.stop();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await store.dispose();
    },
  };
}

/** What downloads go through while `gate` is closed. */
export function passThroughOf(fills: Pick<FillFixture, 'origin'>, gate: ServingGate): PassThrough {
  const clock = new SystemClock();
  return new PassThrough({
    origin: fills.origin,
    limiter: new RateLimiter(0, clock),
    gate,
    clocks: new SystemLeaseClocks(),
    clock,
    random: () => 0.5,
    onBegun: () => undefined,
  });
}

/** An origin that answers ranges of this content. */
export function rangesOf(content: Buffer, etag = '"1"'): OriginHandler {
  return (request, response) => {
    const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const isStale =
      request.headers['if-range'] !== undefined && request.headers['if-range'] !== etag;
    if (match === null || isStale) {
      response.writeHead(200, { etag, 'content-length': content.length }).end(content);
      return;
    }
    const slice = content.subarray(Number(match[1]), Number(match[2]) + 1);
    response
      .writeHead(206, {
        etag,
        'content-length': slice.length,
        'content-range': `bytes ${match[1]}-${match[2]}/${content.length}`,
      })
      .end(slice);
  };
}
