import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AddressGuard } from '@pondhawk/origin';
import { OriginClient } from '../src/origin/index.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let handler: Handler;
let url: string;
let client: OriginClient;
const signal = new AbortController().signal;
const requests: IncomingMessage[] = [];

beforeEach(async () => {
  requests.length = 0;
  server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
  const guard = new AddressGuard(['127.0.0.0/8']);
  client = new OriginClient({ guard, timeoutMs: 300, maxRedirects: 5 });
});

afterEach(async () => {
  await client.stop();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

/** An origin of 1000 bytes that answers ranges. */
const ranged =
  (etag = '"v1"', content = Buffer.alloc(1000, 'x')): Handler =>
  (request, response) => {
    const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const stale = request.headers['if-range'] !== undefined && request.headers['if-range'] !== etag;
    if (match === null || stale) {
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

async function read(body: AsyncIterable<Buffer>): Promise<number> {
  let bytes = 0;
  for await (const chunk of body) bytes += chunk.length;
  return bytes;
}

const request = (): { url: string; headers: Record<string, string>; signal: AbortSignal } => ({
  url,
  headers: {},
  signal,
});
const code = (expected: string): Error => expect.objectContaining({ code: expected }) as Error;

describe('OriginClient', () => {
  it('learns length and version by one byte, then fetches slices, never asking for gzip', async () => {
    handler = ranged();
    const { validator, whole } = await client.open(request());
    expect(whole).toBeUndefined();
    expect(validator).toEqual({ etag: '"v1"', lastModified: '', contentLength: 1000 });
    const body = await client.fetchRange({ ...request(), offset: 100, length: 50, validator });
    expect(await read(body)).toBe(50);
    expect(requests.map((r) => r.headers['accept-encoding'])).toEqual(['identity', 'identity']);
  });

  it('takes a whole answer to a range request as the download', async () => {
    handler = (_, response) => response.end('hello');
    const { validator, whole } = await client.open(request());
    expect(validator.contentLength).toBe(5);
    expect(await read(whole!)).toBe(5);
  });

  it('takes a content without length to its end', async () => {
    handler = (_, response) => {
      response.write('hel');
      response.end('lo');
    };
    const { validator, whole } = await client.open(request());
    expect(validator.contentLength).toBeUndefined();
    expect(await read(whole!)).toBe(5);
  });

  it('takes an empty content from an origin that calls every range of it impossible', async () => {
    handler = (r, response) => {
      if (r.headers.range === undefined) response.writeHead(200, { 'content-length': 0 }).end();
      else response.writeHead(416, { 'content-range': 'bytes */0' }).end();
    };
    const { validator, whole } = await client.open(request());
    expect(validator.contentLength).toBe(0);
    expect(await read(whole!)).toBe(0);
  });

  it('notices that the content has changed', async () => {
    handler = ranged();
    const { validator } = await client.open(request());
    handler = ranged('"v2"');
    const slice = { ...request(), offset: 0, length: 10, validator };
    await expect(client.fetchRange(slice)).rejects.toThrow(code('ORIGIN_CHANGED'));
    handler = ranged('"v1"', Buffer.alloc(999));
    await expect(client.fetchRange(slice)).rejects.toThrow(code('ORIGIN_CHANGED'));
  });

  it('refuses another range than the one asked for', async () => {
    handler = (_, response) =>
      response.writeHead(206, { 'content-range': 'bytes 0-9/1000' }).end('0123456789');
    const validator = { etag: '', lastModified: '', contentLength: 1000 };
    await expect(
      client.fetchRange({ ...request(), offset: 10, length: 10, validator }),
    ).rejects.toThrow(code('ORIGIN_ANSWER_INVALID'));
  });

  it('refuses an encoded answer', async () => {
    handler = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
    await expect(client.open(request())).rejects.toThrow(code('ORIGIN_ENCODED'));
  });

  it.each([404, 403, 500, 418])('gives status %p with the error', async (status) => {
    handler = (_, response) => response.writeHead(status).end();
    await expect(client.open(request())).rejects.toMatchObject({
      code: 'ORIGIN_STATUS',
      details: { status },
    });
  });

  it('fails when fewer bytes come than were promised', async () => {
    handler = (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('short');
      setImmediate(() => response.destroy());
    };
    const { whole } = await client.open(request());
    await expect(read(whole!)).rejects.toMatchObject({ kind: expect.any(String) as string });
  });

  it('gives up on an origin that says nothing, and on one that stops half way', async () => {
    handler = () => undefined;
    await expect(client.open(request())).rejects.toThrow(code('ORIGIN_TIMEOUT'));
    handler = (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half');
    };
    const { whole } = await client.open(request());
    await expect(read(whole!)).rejects.toThrow(code('ORIGIN_TIMEOUT'));
  });

  it('follows redirects up to the limit, and none that go round', async () => {
    handler = (r, response) => {
      const step = Number(new URL(r.url ?? '', url).searchParams.get('n') ?? '0');
      if (step === 5) ranged()(r, response);
      else response.writeHead(302, { location: `/file?n=${step + 1}` }).end();
    };
    expect((await client.open(request())).validator.contentLength).toBe(1000);
    handler = (r, response) => response.writeHead(302, { location: `${r.url}x` }).end();
    await expect(client.open(request())).rejects.toThrow(code('ORIGIN_REDIRECT'));
    handler = (r, response) => response.writeHead(302, { location: r.url }).end();
    await expect(client.open(request())).rejects.toThrow(/circle/);
  });

  it('tells credentials only to the origin the caller named', async () => {
    const elsewhere = createServer((r, response) => {
      requests.push(r);
      response.end('x');
    });
    await new Promise<void>((done) => elsewhere.listen(0, '127.0.0.1', done));
    const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
    handler = (_, response) => response.writeHead(302, { location }).end();
    const headers = { Authorization: 'Bearer t', 'X-Own': 'kept' };
    const { whole } = await client.open({ ...request(), headers });
    await read(whole!);
    expect(requests.map((r) => r.headers.authorization)).toEqual(['Bearer t', undefined]);
    expect(requests[1]?.headers['x-own']).toBe('kept');
    elsewhere.closeAllConnections();
    elsewhere.close();
  });

  it('goes to no address that is refused, also not by a redirect', async () => {
    const strict = new OriginClient({
      guard: new AddressGuard([]),
      timeoutMs: 300,
      maxRedirects: 5,
    });
    handler = ranged();
    await expect(strict.open(request())).rejects.toThrow(code('ORIGIN_ADDRESS_REFUSED'));
    await expect(
      strict.open({ ...request(), url: url.replace('127.0.0.1', 'localhost') }),
    ).rejects.toThrow(code('ORIGIN_ADDRESS_REFUSED'));
    handler = (_, response) => response.writeHead(302, { location: 'http://10.0.0.1/' }).end();
    await expect(client.open(request())).rejects.toThrow(code('ORIGIN_ADDRESS_REFUSED'));
    expect(requests).toHaveLength(1);
    await strict.stop();
  });
});
