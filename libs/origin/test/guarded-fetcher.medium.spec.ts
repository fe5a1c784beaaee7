import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ANSWER_HEADERS_BYTES_MAX, AddressGuard, GuardedFetcher } from '../src/index.js';
import {
  CorpusServer,
  FIRST_HOP_ADDRESS,
  REFUSED_REDIRECTS,
  refusedHosts,
} from '../src/testing/index.js';

const SETTINGS = { timeoutMs: 2_000, maxRedirects: 5 };
const signal = new AbortController().signal;

describe('GuardedFetcher, over the corpus', () => {
  const corpus = new CorpusServer();
  const fetcher = new GuardedFetcher({ ...SETTINGS, guard: new AddressGuard([FIRST_HOP_ADDRESS]) });
  const get = (url: string): Promise<unknown> =>
    fetcher.get({ url: new URL(url), headers: {}, signal });

  beforeAll(() => corpus.start());
  afterAll(async () => {
    expect(corpus.insideConnections).toBe(0);
    await fetcher.stop();
    await corpus.stop();
  });

  it.each(refusedHosts())('goes to $host ($kind) for nobody', async ({ host }) => {
    await expect(get(corpus.hostUrl(host))).rejects.toMatchObject({
      code: 'ORIGIN_ADDRESS_REFUSED',
    });
  });

  const redirects = REFUSED_REDIRECTS.map((redirect, index) => ({ ...redirect, index }));

  it.each(redirects)('ends $status to $location with $code', async ({ index, code }) => {
    await expect(get(corpus.redirectUrl(index))).rejects.toMatchObject({ code });
    await expect(get(corpus.redirectUrl(index, 2))).rejects.toMatchObject({ code });
    expect(corpus.paths.splice(0).slice(-4)).toEqual([
      `/0/${index}`,
      ...[2, 1, 0].map((hop) => `/${hop}/${index}`),
    ]);
  });
});

describe('GuardedFetcher', () => {
  let server: Server;
  let port: number;
  let headersSeen: Record<string, unknown>[];
  let answer: { status: number; headers: Record<string, string> };
  const fetcher = new GuardedFetcher({
    ...SETTINGS,
    guard: new AddressGuard([FIRST_HOP_ADDRESS, 'localhost']),
  });
  const get = (url: string, headers: Record<string, string> = {}): ReturnType<typeof fetcher.get> =>
    fetcher.get({ url: new URL(url), headers, signal });

  beforeAll(async () => {
    server = createServer((request, response) => {
      headersSeen.push(request.headers);
      if (request.url === '/end') response.end('x');
      else response.writeHead(answer.status, answer.headers).end();
    });
    await new Promise<void>((done) => server.listen(0, '0.0.0.0', done));
    port = (server.address() as AddressInfo).port;
  });
  beforeEach(() => {
    headersSeen = [];
  });
  afterAll(async () => {
    await fetcher.stop();
    server.closeAllConnections();
    server.close();
  });

  it.each([
    'authorization',
    'Cookie',
    'Proxy-Authorization',
    'X-Api-Key',
    'PRIVATE-TOKEN',
    'X-Amz-Security-Token',
  ])('tells %s to the first origin alone, and not again to it on the way back', async (name) => {
    answer = { status: 302, headers: { location: `http://localhost:${port}/end` } };
    const { status, url } = await get(`http://${FIRST_HOP_ADDRESS}:${port}/`, {
      [name]: 's',
      accept: 'a/b',
    });
    expect({ status, url: url.href }).toEqual({
      status: 200,
      url: `http://localhost:${port}/end`,
    });
    expect(headersSeen.map((headers) => headers[name.toLowerCase()])).toEqual(['s', undefined]);
    expect(headersSeen.map((headers) => headers['accept'])).toEqual(['a/b', 'a/b']);
  });

  it('tells user and password of a URL to that origin alone, and never those of a redirect', async () => {
    const location = `http://other:secret@localhost:${port}/end`;
    answer = { status: 302, headers: { location } };
    await get(`http://u%40x:p%3A1@${FIRST_HOP_ADDRESS}:${port}/`);
    expect(headersSeen.map((headers) => headers['authorization'])).toEqual([
      `Basic ${Buffer.from('u@x:p:1').toString('base64')}`,
      undefined,
    ]);
  });

  it('takes headers up to the limit, and none beyond', async () => {
    const filler = (bytes: number): typeof answer => ({
      status: 200,
      headers: { filler: 'x'.repeat(bytes) },
    });
    answer = filler(ANSWER_HEADERS_BYTES_MAX - 1_000);
    expect((await get(`http://localhost:${port}/`)).status).toBe(200);
    answer = filler(ANSWER_HEADERS_BYTES_MAX);
    await expect(get(`http://localhost:${port}/`)).rejects.toThrow(/headers are too large/);
  });

  it('ends when the caller has waited long enough', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((done) => silent.listen(0, FIRST_HOP_ADDRESS, done));
    const url = new URL(`http://${FIRST_HOP_ADDRESS}:${(silent.address() as AddressInfo).port}/`);
    await expect(
      fetcher.get({ url, headers: {}, signal: AbortSignal.timeout(50) }),
    ).rejects.toMatchObject({ code: 'ORIGIN_TIMEOUT' });
    silent.closeAllConnections();
    silent.close();
  });
});
