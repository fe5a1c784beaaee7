import { once } from 'node:events';
import { openSync, closeSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import {
  VortexReader,
  encodeVortexPacket,
  type VortexMessage,
  type VortexRequest,
} from '@pondhawk/contracts';
import { MemoryLog, SystemClock } from '@pondhawk/observability';
import { eventually } from '@pondhawk/testing';
import {
  CHUNK_BYTES,
  ChunkPool,
  PieceServer,
  type PieceServerOptions,
} from '../src/piece-serving/index.js';
import { RateLimiter } from '../src/rate-limit/index.js';
import {
  PIECE_BYTES,
  contentOf,
  fillWhole,
  newCopy,
  openStore,
  slicesOf,
  taskIdOf,
  type StoreFixture,
} from './store-fixture.js';
import { TestGate } from './test-gate.js';

const task = taskIdOf('task');
const content = contentOf(2 * PIECE_BYTES + 100);

interface Answer {
  readonly message: VortexMessage | undefined;
  readonly bytes: Buffer;
}

describe('PieceServer', () => {
  let store: StoreFixture;
  let server: PieceServer;
  let answered: string[];
  let gate: TestGate;
  let sentBytes: number;
  const clients: Socket[] = [];

  async function serve(
    options: Partial<PieceServerOptions> = {},
    bytesPerSecond = 0,
  ): Promise<void> {
    server = new PieceServer(
      { host: '127.0.0.1', port: 0, ...options },
      {
        copies: store.copies,
        chunks: new ChunkPool(),
        limiter: new RateLimiter(bytesPerSecond, new SystemClock()),
        gate,
        log: new MemoryLog(),
        onSent: (bytes) => (sentBytes += bytes),
        onAnswered: (outcome) => answered.push(outcome),
      },
    );
    await server.start();
  }

  beforeEach(() => {
    store = openStore();
    answered = [];
    gate = new TestGate();
    sentBytes = 0;
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await server.stop();
    await store.dispose();
  });

  async function dial(): Promise<Socket> {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined); // Looked at by 'close'.
    clients.push(socket);
    await once(socket, 'connect');
    return socket;
  }

  /** Sends one request; resolves with the answer, or what came before the connection was closed. */
  async function ask(
    socket: Socket,
    message: VortexRequest,
  ): Promise<Answer & { closed: boolean }> {
    const reader = new VortexReader('server');
    let answer: VortexMessage | undefined;
    const parts: Buffer[] = [];
    return new Promise((resolve) => {
      const done = (closed: boolean): void => {
        socket.removeAllListeners('data');
        socket.removeListener('close', onClose); // A connection asks many times.
        resolve({ message: answer, bytes: Buffer.concat(parts), closed });
      };
      const onClose = (): void => done(true);
      socket.once('close', onClose);
      socket.on('data', (chunk: Buffer) => {
        for (const event of reader.feed(chunk)) {
          if (event.kind === 'message') {
            answer = event.message;
            if (event.message.kind === 'error') done(false);
          } else {
            parts.push(Buffer.from(event.bytes));
            if (event.isLast) done(false);
          }
        }
      });
      socket.write(encodeVortexPacket({ id: 7, message }));
    });
  }

  const plain = (pieceNumber: number, taskId: string = task): VortexRequest => ({
    kind: 'download-piece',
    taskId,
    pieceNumber,
  });

  it('sends the pieces of a complete copy, several over one connection', async () => {
    await fillWhole(store, task, content);
    await serve();
    const socket = await dial();
    for (const { number, bytes } of slicesOf(content)) {
      const answer = await ask(socket, plain(number));
      expect(answer.message).toMatchObject({ kind: 'piece-content', metadata: { number } });
      expect(answer.bytes.equals(bytes)).toBe(true);
    }
  });

  it('sends whole pieces of a copy that is still being filled', async () => {
    await serve();
    const fill = await store.copies.beginFill(newCopy(task));
    const writer = fill.openPiece({ number: 0, offset: 0, originHostId: 'me' });
    await writer.write(Buffer.from('first'));
    await writer.finish();
    expect((await ask(await dial(), plain(0))).bytes.toString()).toBe('first');
    expect((await ask(await dial(), plain(1))).message).toMatchObject({ kind: 'error', code: 2 });
  });

  describe('when the request is guarded', () => {
    const guarded = (copyId: string, more: object = {}): VortexRequest => ({
      kind: 'guarded-download-piece',
      taskId: task,
      copyId,
      pieceNumber: 0,
      filledAt: 0,
      logEpoch: '0'.repeat(32),
      ...more,
    });

    it('answers from the copy named, with the applied number', async () => {
      const { copyId } = await fillWhole(store, task, content);
      await serve();
      const answer = await ask(await dial(), guarded(copyId));
      expect(answer.message).toMatchObject({ kind: 'guarded-piece-content', applied: 0 });
      expect(answer.bytes.equals(content.subarray(0, PIECE_BYTES))).toBe(true);
    });

    it('says GONE of another copy, and of one that was deleted', async () => {
      const { copyId } = await fillWhole(store, task, content);
      await serve();
      const socket = await dial();
      expect((await ask(socket, guarded('f'.repeat(32)))).message).toMatchObject({ code: 18 });
      await store.deletion.deleteTask(task, { announce: false });
      expect((await ask(socket, guarded(copyId))).message).toMatchObject({ code: 18 });
    });

    it('says BEHIND to a fill that is ahead, or of another log', async () => {
      const { copyId } = await fillWhole(store, task, content);
      await serve();
      const socket = await dial();
      expect((await ask(socket, guarded(copyId, { filledAt: 1 }))).message).toMatchObject({
        code: 16,
      });
      const logEpoch = 'a'.repeat(32);
      expect((await ask(socket, guarded(copyId, { logEpoch }))).message).toMatchObject({
        code: 16,
      });
    });
  });

  it('ends the connection before the last chunk of a piece that is broken on disk, and forgets it', async () => {
    const copy = await fillWhole(store, task, content);
    const fd = openSync(store.paths.copy(task, copy.copyId), 'r+');
    writeSync(fd, 'x', 3);
    closeSync(fd);
    await serve();
    const answer = await ask(await dial(), plain(0));
    expect(answer).toMatchObject({ closed: true, bytes: Buffer.alloc(0) });
    expect(answered).toEqual(['corrupt']);
    expect(store.copies.findPiece(copy.copyId, 0)).toBeUndefined();
  });

  it('cuts an upload in the turn in which its copy is deleted', async () => {
    const big = contentOf(1024 * 1024);
    const fill = await store.copies.beginFill({ ...newCopy(task), pieceLength: big.length });
    const writer = fill.openPiece({ number: 0, offset: 0, originHostId: 'me' });
    await writer.write(big);
    await writer.finish();
    await fill.complete({ contentLength: big.length });
    await serve({}, 2 * big.length); // The first chunk after an eighth of a second, the last after half.
    const socket = await dial();
    const firstBytes = once(socket, 'data');
    const answer = ask(socket, plain(0));
    await firstBytes;
    await store.deletion.deleteTask(task, { announce: false });
    const { closed, bytes } = await answer;
    expect(closed).toBe(true);
    expect(bytes.length).toBeLessThan(big.length / 2);
  });

  describe('when the lease has ended', () => {
    it('says NO_LEASE to a guarded request, and to a foreign child that there is nothing', async () => {
      const { copyId } = await fillWhole(store, task, content);
      await serve();
      gate.close();
      const socket = await dial();
      const guarded = {
        taskId: task,
        copyId,
        pieceNumber: 0,
        filledAt: 0,
        logEpoch: '0'.repeat(32),
      };
      const own = await ask(socket, { kind: 'guarded-download-piece', ...guarded });
      expect(own.message).toMatchObject({ kind: 'error', code: 17 });
      expect((await ask(socket, plain(0))).message).toMatchObject({ kind: 'error', code: 2 });
      expect(answered).toEqual(['no_lease', 'no_lease']);
      gate.isOpen = true;
      expect((await ask(socket, plain(0))).bytes).toHaveLength(PIECE_BYTES);
    });

    it('sends no further chunk, though nobody has told of the end', async () => {
      const big = contentOf(1024 * 1024);
      const fill = await store.copies.beginFill({ ...newCopy(task), pieceLength: big.length });
      const writer = fill.openPiece({ number: 0, offset: 0, originHostId: 'me' });
      await writer.write(big);
      await writer.finish();
      await fill.complete({ contentLength: big.length });
      await serve({}, 2 * big.length); // A chunk each eighth of a second.
      const socket = await dial();
      const firstBytes = once(socket, 'data');
      const answer = ask(socket, plain(0));
      await firstBytes;
      gate.isOpen = false; // As by a clock that leapt: no timer has run out.
      expect(await answer).toMatchObject({ closed: true });
      expect(sentBytes).toBe(CHUNK_BYTES);
      // The child sees the end before this host has counted it.
      await eventually(() => expect(answered).toEqual(['no_lease']), { timeoutMs: 5_000 });
    });

    const slow = 64 * 1024 * 1024; // More than the kernel takes for a child that does not read.
    const cases: [string, () => unknown][] = [
      ['its lease ends', () => gate.close()],
      ['its copy is purged', () => store.deletion.deleteTask(task, { announce: false })],
    ];
    it.each(cases)(
      'hands nothing more to the kernel for a slow child once %s',
      async (_why, end) => {
        const big = Buffer.alloc(slow, 1);
        const fill = await store.copies.beginFill({ ...newCopy(task), pieceLength: slow });
        const writer = fill.openPiece({ number: 0, offset: 0, originHostId: 'me' });
        await writer.write(big);
        await writer.finish();
        await fill.complete({ contentLength: slow });
        await serve();
        const socket = await dial();
        socket.pause();
        socket.write(encodeVortexPacket({ id: 7, message: plain(0) }));
        await untilStill(() => sentBytes);
        const handedBytes = sentBytes;
        expect(handedBytes).toBeLessThan(slow);
        const ended = end();
        let gotBytes = 0;
        const closed = new Promise((done) => socket.once('close', done));
        socket.on('data', (chunk: Buffer) => (gotBytes += chunk.length));
        socket.resume();
        await closed;
        await ended;
        // The chunk that was with the socket has not become whole.
        expect(gotBytes).toBeLessThan(handedBytes);
        expect(sentBytes).toBe(handedBytes);
        await eventually(() => gate.listenerCount === 0, { timeoutMs: 5_000 });
      },
    );
  });

  it('destroys a connection whose request does not become whole in time', async () => {
    await serve({ requestTimeoutMs: 100 });
    const socket = await dial();
    // Not `once`, which fails on the error of a drip that comes too late.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const drip = setInterval(() => socket.write(Buffer.from([0])), 30);
    await closed;
    clearInterval(drip);
  });

  it('destroys a connection whose client reads nothing', async () => {
    const big = contentOf(PIECE_BYTES);
    await fillWhole(store, task, big);
    await serve({ progressTimeoutMs: 200 });
    const socket = await dial();
    socket.pause();
    // More answers than the kernel takes for a client that does not read.
    for (let i = 0; i < 64; i += 1) socket.write(encodeVortexPacket({ id: i, message: plain(0) }));
    while (server.connectionCount > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it('keeps to its rate within a tenth over ten seconds, with two takers', async () => {
    const rate = 1024 * 1024;
    await fillWhole(store, task, content);
    await serve({}, rate);
    const endMs = performance.now() + 10_000;
    const taken = await Promise.all(
      [0, 1].map(async (number) => {
        const socket = await dial();
        let bytes = 0;
        while (performance.now() < endMs) bytes += (await ask(socket, plain(number))).bytes.length;
        return bytes;
      }),
    );
    const perSecond = (taken[0]! + taken[1]!) / 10;
    expect(perSecond / rate).toBeGreaterThan(0.9);
    expect(perSecond / rate).toBeLessThan(1.1);
  }, 30_000);

  it('closes connections beyond the limit at once', async () => {
    await serve({ connectionsMax: 2 });
    await dial();
    await dial();
    const third = await dial();
    await once(third, 'close');
    expect(server.connectionCount).toBe(2);
  });

  it.each([
    ['a value over 4 KiB', Buffer.from([0, 0, 0, 0, 0x10, 0x01])],
    ['a huge length', Buffer.from([0, 0, 0xff, 0xff, 0xff, 0xff])],
    ['an unknown tag', Buffer.from([0, 99, 0, 0, 0, 0])],
    [
      'a task id with dots and slashes',
      Buffer.concat([
        Buffer.from([0, 0, 0, 0, 0, 68]),
        Buffer.from('../'.repeat(21) + '\0'),
        Buffer.alloc(4),
      ]),
    ],
  ])('closes the connection on %s', async (_name, bytes) => {
    await serve();
    const socket = await dial();
    const closed = once(socket, 'close');
    socket.resume();
    socket.write(bytes);
    await closed;
  });
});

async function untilStill(count: () => number): Promise<void> {
  for (let seen = -1; seen !== count() || seen === 0;) {
    seen = count();
    await new Promise((done) => setTimeout(done, 100));
  }
}
