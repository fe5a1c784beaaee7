import { dfdaemonV2 } from '@pondhawk/contracts';
import { MemoryLog, SystemClock } from '@pondhawk/observability';
import { chainHash } from '@pondhawk/purge';
import { askAsStranger, createClient, GrpcServer, type StrangerAnswer } from '@pondhawk/rpc';
import { ChunkPool, PieceServer } from '../src/piece-serving/index.js';
import { RateLimiter } from '../src/rate-limit/index.js';
import { syncPieces } from '../src/upload-service/index.js';
import {
  contentOf,
  fillWhole,
  openStore,
  PIECE_BYTES,
  taskIdOf,
  type StoreFixture,
} from './store-fixture.js';
import { TestGate } from './test-gate.js';

const EPOCH = 'ab'.repeat(16);
const task = taskIdOf('task');
const content = contentOf(2 * PIECE_BYTES + 100);

describe('A host that is asked as by a stranger', () => {
  let store: StoreFixture;
  let pieces: PieceServer;
  let grpc: GrpcServer;
  let gate: TestGate;
  let port: number;

  beforeEach(async () => {
    store = openStore();
    gate = new TestGate();
    pieces = new PieceServer(
      { host: '127.0.0.1', port: 0 },
      {
        copies: store.copies,
        chunks: new ChunkPool(),
        limiter: new RateLimiter(0, new SystemClock()),
        gate,
        log: new MemoryLog(),
        onSent: () => undefined,
        onAnswered: () => undefined,
      },
    );
    await pieces.start();
    grpc = new GrpcServer({
      listen: { host: '127.0.0.1', port: 0 },
      onUnexpectedError: ({ error }) => {
        throw error;
      },
    });
    const address = (): { ip: string; port: number } => ({ ip: '127.0.0.1', port: pieces.port });
    const missing = Object.fromEntries(
      Object.keys(dfdaemonV2.DfdaemonUploadService).map((method) => [
        method,
        async () => Promise.reject(new Error(`${method} is not there.`)),
      ]),
    ) as unknown as Parameters<typeof grpc.addService<typeof dfdaemonV2.DfdaemonUploadService>>[1];
    grpc.addService(dfdaemonV2.DfdaemonUploadService, {
      ...missing,
      syncPieces: (request, context) =>
        syncPieces(request, context, {
          ...{ copies: store.copies, clusterId: 1, address },
          isBlocked: () => false,
        }),
    });
    port = await grpc.start();
    store.purges.adopt({ epoch: EPOCH, head: 0, first: 1, headHash: '' });
  });
  afterEach(async () => {
    await grpc.stop(0);
    await pieces.stop();
    await store.dispose();
  });

  const ask = async (): Promise<StrangerAnswer> => {
    const client = createClient(`127.0.0.1:${port}`);
    const host = { ip: '127.0.0.1', port, downloadPort: port };
    const answer = await askAsStranger({
      ...{ host, client, taskId: task, askerId: 'test', timeoutMs: 3_000 },
    });
    client.close();
    return answer;
  };
  const fill = () => fillWhole(store, task, content);

  it('tells where pieces are and sends none of a task that it does not hold', async () => {
    expect(await ask()).toEqual({ kind: 'refused' });
  });

  it('serves what it holds, and the bytes are those of the copy that it names', async () => {
    const { copyId } = await fill();
    expect(await ask()).toEqual({
      ...{ kind: 'served', pieceNumber: 0, pieceBytes: PIECE_BYTES, cameBytes: 64 * 1024 },
      copy: { copyId, logEpoch: EPOCH, filledAt: 0 },
      isAdmitted: true,
    });
  });

  it('sends none of a copy that a purge has marked, and names where the next copy was begun', async () => {
    await fill();
    store.purges.take(EPOCH, [purgeOf(1)]);
    await store.purges.whenApplied(EPOCH, 1, 3_000);
    expect(await ask()).toEqual({ kind: 'refused' });
    await fill();
    expect(await ask()).toMatchObject({ kind: 'served', copy: { filledAt: 1 } });
  });

  it('sends nothing without a lease', async () => {
    await fill();
    gate.close();
    expect(await ask()).toEqual({ kind: 'refused' });
  });
});

function purgeOf(seq: number) {
  return { seq, taskId: task, chainHash: chainHash('', seq, task) };
}
