import { type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { CONTENT_CHUNKS_KEY, type commonV2, dfdaemonV2 } from '@pondhawk/contracts';
import { type Client, GrpcServer, Metadata, callServerStream, createClient } from '@pondhawk/rpc';
import { eventually } from '@pondhawk/testing';
import { DownloadService } from '../src/download-service/index.js';
import { Admission, BlockLists } from '../src/scheduler-link/index.js';
import { only } from './fake-swarm.js';
import { type FillFixture, openFills, passThroughOf, rangesOf } from './fill-fixture.js';
import { contentOf } from './store-fixture.js';
import { TestGate } from './test-gate.js';

const { downloadTask } = dfdaemonV2.DfdaemonDownloadService;
const CHUNK_BYTES = 256 * 1024;
const WINDOW_BYTES = 65_535; // Of a caller that asks for nothing more.
const content = Buffer.alloc(8 * 1024 * 1024 + 5, contentOf(65_521));
const sha256 = createHash('sha256').update(content).digest('hex');
const WAIT = { timeoutMs: 5_000 };

describe('A download on the unix socket', () => {
  let fills: FillFixture;
  let gate: TestGate;
  let server: GrpcServer;
  let path: string;
  let client: Client;
  const closers: (() => void)[] = [];

  beforeEach(async () => {
    fills = await openFills();
    fills.serve(rangesOf(content));
    gate = new TestGate();
    const service = new DownloadService({
      copies: fills.store.copies,
      fills: fills.engine,
      hostId: 'me',
      admission: new Admission(),
      blocks: new BlockLists(),
      gate,
      passThrough: passThroughOf(fills, gate),
      discard: () => Promise.resolve(),
    });
    path = join(fills.store.dir, 'run', 'peer.sock');
    server = new GrpcServer({
      listen: { socketPath: path },
      onUnexpectedError: ({ error }) => {
        throw error;
      },
    });
    server.addService(
      dfdaemonV2.DfdaemonDownloadService,
      only(dfdaemonV2.DfdaemonDownloadService, {
        downloadTask: (...call: Parameters<DownloadService['downloadTask']>) =>
          service.downloadTask(...call),
      }),
    );
    await server.start();
    client = createClient(`unix:${path}`);
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) close();
    client.close();
    await server.stop(0);
    await fills.dispose();
  });

  function requestOf(extra: Partial<commonV2.Download> = {}): dfdaemonV2.DownloadTaskRequest {
    const download = { url: fills.url, needPieceContent: true, ...extra };
    return dfdaemonV2.DownloadTaskRequest.create({
      download: fills.spec(download).message,
    });
  }

  /** What came, whether the stream ended well or with an error. */
  async function get(
    extra: Partial<commonV2.Download> = {},
    onChunk: (count: number) => void = () => undefined,
  ): Promise<{ bytes: Buffer; code: string | undefined; longest: number }> {
    const chunks: Buffer[] = [];
    const metadata = new Metadata();
    metadata.set(CONTENT_CHUNKS_KEY, '1');
    let code: string | undefined;
    try {
      for await (const { response } of callServerStream(client, downloadTask, requestOf(extra), {
        metadata,
      })) {
        if (response?.$case !== 'downloadPieceFinishedResponse') continue;
        expect(Number(response.value.piece?.offset)).toBe(Buffer.concat(chunks).length);
        chunks.push(response.value.piece?.content ?? Buffer.alloc(0));
        onChunk(chunks.length);
      }
    } catch (error) {
      code = (error as { code: string }).code;
    }
    const longest = Math.max(0, ...chunks.map(({ length }) => length));
    return { bytes: Buffer.concat(chunks), code, longest };
  }

  /** A caller that takes WINDOW_BYTES and then nothing. */
  function slowCall(): ClientHttp2Stream {
    const session = connectHttp2('http://test', {
      createConnection: () => connect(path),
      settings: { initialWindowSize: WINDOW_BYTES },
    });
    session.on('error', () => undefined);
    closers.push(() => session.destroy());
    const stream = session.request({
      ':method': 'POST',
      ':path': downloadTask.path,
      'content-type': 'application/grpc',
      te: 'trailers',
      [CONTENT_CHUNKS_KEY]: '1',
    });
    stream.on('error', () => undefined);
    const message = downloadTask.requestSerialize(requestOf());
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
    return stream;
  }

  const deleteTask = async (): Promise<void> => {
    await fills.store.deletion.deleteTask(fills.spec().taskId, { announce: false });
  };

  it.each([
    ['its lease ends', () => gate.close()],
    ['its copy is purged', () => deleteTask()],
  ] as [string, () => unknown][])(
    'hands nothing more to a slow caller from the turn on in which %s',
    async (_when, end) => {
      await get();
      const stream = slowCall();
      await eventually(() => gate.listenerCount === 1, WAIT);
      await new Promise((done) => setTimeout(done, 200)); // Until flow control holds the rest back.
      const ended = end();
      let gotBytes = 0;
      stream.on('data', (chunk: Buffer) => (gotBytes += chunk.length));
      await eventually(() => stream.destroyed, WAIT);
      await ended;
      expect(gotBytes).toBeLessThanOrEqual(WINDOW_BYTES);
      await eventually(() => gate.listenerCount === 0, WAIT);
    },
  );

  it('ends with LEASE_LOST when its lease ends midway, and comes whole when it is asked for again', async () => {
    const first = await get({}, (count) => {
      if (count === 2) gate.close();
    });
    // The connection is cut where the transport still held a chunk; else the caller is told why.
    expect(['LEASE_LOST', 'UNAVAILABLE']).toContain(first.code);
    expect(first.bytes.length).toBeLessThan(content.length);
    expect(first.longest).toBeLessThanOrEqual(CHUNK_BYTES);
    const second = await get();
    expect([second.code, second.bytes.equals(content)]).toEqual([undefined, true]);
  });

  it('hands on no further chunk, though nobody has told of the end', async () => {
    await get();
    const { bytes, code } = await get({}, (count) => {
      if (count === 2) gate.isOpen = false; // As by a clock that leapt: no timer has run out.
    });
    expect(code).toBe('LEASE_LOST');
    expect(bytes.length).toBeLessThan(content.length);
  });

  describe('without a lease', () => {
    beforeEach(() => (gate.isOpen = false));

    it('passes through from the origin, and leaves no copy', async () => {
      const { bytes, code, longest } = await get({ digest: `sha256:${sha256}` });
      expect([code, bytes.equals(content)]).toEqual([undefined, true]);
      expect(longest).toBeLessThanOrEqual(CHUNK_BYTES);
      expect([...fills.store.copies.listCopies()]).toEqual([]);
      expect(fills.engine.size).toBe(0);
    });

    it('uses no copy that is here', async () => {
      gate.isOpen = true;
      await get();
      gate.isOpen = false;
      const other = Buffer.alloc(1_000, 7);
      fills.serve(rangesOf(other, '"2"'));
      expect((await get()).bytes.equals(other)).toBe(true);
      gate.isOpen = true;
      expect((await get()).bytes.equals(content)).toBe(true);
    });

    it('passes on a content whose length nobody knows before', async () => {
      fills.serve((_request, response) => {
        response.writeHead(200);
        response.write(content.subarray(0, 10));
        response.end(content.subarray(10));
      });
      expect((await get()).bytes.equals(content)).toBe(true);
    });

    it('says what is wrong as any download does', async () => {
      expect((await get({ digest: `sha256:${'0'.repeat(64)}` })).code).toBe('DIGEST_MISMATCH');
      expect((await get({ disableBackToSource: true })).code).toBe('BACK_TO_SOURCE_DISABLED');
      expect((await get({ needPieceContent: false })).code).toBe('NO_LEASE');
      fills.serve((_request, response) => void response.writeHead(404).end());
      expect((await get()).code).toBe('ORIGIN_STATUS');
    });

    it('does not hand on what has waited for longer than a lease', async () => {
      gate.holdMsMax = 100;
      const stream = slowCall();
      await eventually(() => stream.destroyed, WAIT);
    });
  });
});
