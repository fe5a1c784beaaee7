import { mkdtempSync, rmSync } from 'node:fs';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
} from 'node:http2';
import { type Server, type Socket, connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConflictError, UnavailableError } from '@pondhawk/core';
import { GUARDED_WRITE_BYTES_MAX } from './answer-guard.js';
import { type AnswerGuard, GrpcServer, callServerStream, createClient } from './index.js';

const CHUNK_BYTES = 256 * 1024;
const CHUNKS = 64;
const WIDE_WINDOW = 64 * 1024 * 1024;
const bytes = {
  requestSerialize: (value: Buffer): Buffer => value,
  requestDeserialize: (value: Buffer): Buffer => value,
  responseSerialize: (value: Buffer): Buffer => value,
  responseDeserialize: (value: Buffer): Buffer => value,
};
const ContentService = {
  get: { path: '/test.Content/Get', requestStream: false, responseStream: true, ...bytes },
} as const;

/** A guard in the hands of a test. */
class TestGuard implements AnswerGuard {
  checkCount = 0;
  refusal: Error | undefined;
  heldMsMax?: number;
  onCheck: (count: number) => void = () => undefined;
  listeners = new Set<(reason: Error) => void>();

  check(): void {
    this.checkCount += 1;
    this.onCheck(this.checkCount);
    if (this.refusal !== undefined) throw this.refusal;
  }

  onRevoked(withhold: (reason: Error) => void): () => void {
    this.listeners.add(withhold);
    return () => this.listeners.delete(withhold);
  }

  revoke(): void {
    for (const withhold of this.listeners) withhold(new ConflictError('PURGED', 'Gone.'));
  }
}

/** Passes bytes on between a client and a server, until it is told not to take any from the server. */
class Relay {
  private server!: Server;
  private upstream!: Socket;
  fromServerBytes = 0;
  hasServerClosed = false;

  static async start(open: () => Socket): Promise<Relay> {
    const relay = new Relay();
    relay.server = createServer((client) => {
      relay.upstream = open();
      relay.upstream.on('data', (chunk: Buffer) => {
        relay.fromServerBytes += chunk.length;
        client.write(chunk);
      });
      relay.upstream.on('close', () => {
        relay.hasServerClosed = true;
        client.destroy();
      });
      relay.upstream.on('error', () => undefined);
      client.on('error', () => undefined);
      client.on('data', (chunk) => relay.upstream.write(chunk));
      client.on('close', () => relay.upstream.destroy());
    });
    await new Promise<void>((done) => relay.server.listen(0, '127.0.0.1', done));
    return relay;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  hold(): void {
    this.upstream.pause();
  }

  release(): void {
    this.upstream.resume();
  }

  stop(): void {
    this.upstream.destroy();
    this.server.close();
  }
}

describe('A guarded answer', () => {
  let guard: TestGuard;
  let server: GrpcServer;
  let directory: string;
  let signals: AbortSignal[];
  let hasReturned: boolean;
  let chunkBytes: number;
  const closers: (() => void)[] = [];

  async function* content(_request: Buffer, context: Parameters<typeof note>[0]) {
    note(context);
    context.guardAnswers(guard);
    try {
      for (let number = 0; number < CHUNKS; number += 1) {
        yield await Promise.resolve(Buffer.alloc(chunkBytes, number));
      }
    } finally {
      hasReturned = true;
    }
  }

  function note(context: { signal: AbortSignal; guardAnswers: (guard: AnswerGuard) => void }) {
    signals.push(context.signal);
  }

  async function serve(path?: string): Promise<number> {
    server = new GrpcServer({
      listen: path === undefined ? { host: '127.0.0.1', port: 0 } : { socketPath: path },
      onUnexpectedError: ({ error }) => {
        throw error;
      },
    });
    server.addService(ContentService, { get: content });
    return server.start();
  }

  beforeEach(() => {
    guard = new TestGuard();
    signals = [];
    hasReturned = false;
    chunkBytes = CHUNK_BYTES;
    directory = mkdtempSync(join(tmpdir(), 'ph-guard-'));
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) close();
    await server.stop(0);
    rmSync(directory, { recursive: true, force: true });
  });

  /** A caller that reads no further than `initialWindowSize`, or as the relay lets it. */
  function call(port: number, initialWindowSize: number): ClientHttp2Stream & { got: number } {
    const session: ClientHttp2Session = connectHttp2('http://test', {
      createConnection: () => connect(port, '127.0.0.1'),
      settings: { initialWindowSize },
    });
    session.on('error', () => undefined);
    session.on('connect', () => {
      if (initialWindowSize === WIDE_WINDOW) session.setLocalWindowSize(WIDE_WINDOW);
    });
    closers.push(() => session.destroy());
    const stream = session.request({
      ':method': 'POST',
      ':path': ContentService.get.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    stream.end(Buffer.from([0, 0, 0, 0, 0]));
    return Object.assign(stream, { got: 0 });
  }

  const settled = async (): Promise<void> => {
    // Until no further message is handed over: buffers are full.
    for (let seen = -1; seen !== guard.checkCount;) {
      seen = guard.checkCount;
      await new Promise((done) => setTimeout(done, 100));
    }
  };

  it.each(['TCP', 'a unix socket'])(
    'sends nothing more to a slow reader over %s once it is revoked, though frames wait for him',
    async (way) => {
      const path = join(directory, 'run', 'test.sock');
      const port = await serve(way === 'TCP' ? undefined : path);
      const relay = await Relay.start(() =>
        way === 'TCP' ? connect(port, '127.0.0.1') : connect(path),
      );
      closers.push(() => relay.stop());
      const stream = call(relay.port, WIDE_WINDOW);
      await until(() => guard.checkCount > 0);
      relay.hold();
      stream.resume();
      await settled();
      const handedCount = guard.checkCount;
      expect(handedCount).toBeLessThan(CHUNKS); // The kernel's buffers are full.
      guard.revoke();
      expect(signals[0]?.aborted).toBe(true);
      relay.release();
      await until(() => relay.hasServerClosed);
      // The last message was not with the kernel whole, and did not get there.
      expect(relay.fromServerBytes).toBeLessThan(handedCount * CHUNK_BYTES);
      expect(guard.checkCount).toBe(handedCount);
      await until(() => hasReturned);
    },
  );

  it('drops what flow control holds back', async () => {
    const port = await serve();
    const stream = call(port, 65_535);
    await settled();
    expect(guard.checkCount).toBe(1);
    guard.revoke();
    let gotBytes = 0;
    stream.on('data', (chunk: Buffer) => (gotBytes += chunk.length));
    await until(() => stream.destroyed);
    expect(gotBytes).toBeLessThanOrEqual(65_535);
  });

  it('asks for each slice of a long message, and drops the rest when one may not leave', async () => {
    chunkBytes = 16 * 1024 * 1024;
    guard.onCheck = (count) => {
      if (count === 4) guard.refusal = new ConflictError('PURGED', 'Gone.');
    };
    const stream = call(await serve(), WIDE_WINDOW);
    let gotBytes = 0;
    stream.on('data', (chunk: Buffer) => (gotBytes += chunk.length));
    await until(() => stream.destroyed);
    expect(guard.checkCount).toBe(4);
    expect(gotBytes).toBeLessThanOrEqual(3 * GUARDED_WRITE_BYTES_MAX);
    expect(signals[0]?.reason).toMatchObject({ code: 'PURGED' });
  });

  it('withholds also after its call has ended, as long as the transport has something of it', async () => {
    const port = await serve();
    const stream = call(port, 65_535);
    await settled();
    void server.stop(5_000); // Ends the call; what waits for its reader would still be sent.
    expect(signals[0]?.aborted).toBe(true);
    guard.revoke();
    let gotBytes = 0;
    stream.on('data', (chunk: Buffer) => (gotBytes += chunk.length));
    await until(() => stream.destroyed);
    expect(gotBytes).toBeLessThanOrEqual(65_535);
  });

  it('withholds a message that the caller does not take in time', async () => {
    guard.heldMsMax = 50;
    const stream = call(await serve(), 65_535);
    await until(() => stream.destroyed);
    expect(guard.checkCount).toBe(1);
    expect(signals[0]?.reason).toMatchObject({ code: 'CALLER_TOO_SLOW' });
  });

  it('tells the caller why, when all that was handed over is with the kernel', async () => {
    const client = createClient(`127.0.0.1:${await serve()}`);
    closers.push(() => client.close());
    let count = 0;
    const reading = (async () => {
      for await (const chunk of callServerStream(client, ContentService.get, Buffer.alloc(0))) {
        expect(chunk).toHaveLength(CHUNK_BYTES);
        count += 1;
        if (count === 3) guard.refusal = new UnavailableError('LEASE_LOST', 'No lease.');
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(count).toBeLessThan(CHUNKS);
    await until(() => hasReturned);
  });

  it('is whole, and listened to no more, when nothing happens', async () => {
    const client = createClient(`127.0.0.1:${await serve()}`);
    closers.push(() => client.close());
    let count = 0;
    for await (const chunk of callServerStream(client, ContentService.get, Buffer.alloc(0))) {
      expect(chunk[0]).toBe(count);
      count += 1;
    }
    expect(count).toBe(CHUNKS);
    await until(() => guard.listeners.size === 0);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 5));
}
