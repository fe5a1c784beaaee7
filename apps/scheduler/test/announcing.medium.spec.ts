import {
  commonV2,
  FORMERS_KEY,
  INCARNATION_KEY,
  pondhawkV1,
  schedulerV2,
} from '@pondhawk/contracts';
import { MemoryLog, SystemClock } from '@pondhawk/observability';
import {
  callBidi,
  callClientStream,
  callServerStream,
  callUnary,
  createClient,
  GrpcServer,
  Metadata,
  type BidiCall,
  type Client,
} from '@pondhawk/rpc';
import { Swarm } from '@pondhawk/swarm';
import { HostClaims } from '../src/announcing/host-claims.js';
import { schedulerHandlers } from '../src/announcing/scheduler-handlers.js';
import { swarmHandlers } from '../src/announcing/swarm-handlers.js';
import { SeedCaller, SwarmLoop } from '../src/announcing/swarm-loop.js';

const TASK = 'b'.repeat(64);
const CALL = { timeoutMs: 5_000 };
const { SchedulerService } = schedulerV2;

class NoSeeds extends SeedCaller {
  async download(): Promise<void> {
    return Promise.reject(new Error('There is no seed.'));
  }
}

type Announcing = BidiCall<schedulerV2.AnnouncePeerRequest, schedulerV2.AnnouncePeerResponse>;
type Said = NonNullable<schedulerV2.AnnouncePeerRequest['request']>;

const REGISTER: Said = {
  $case: 'registerPeerRequest',
  value: { download: commonV2.Download.fromPartial({ url: 'http://e/a' }) },
};
const FINISHED: Said = { $case: 'downloadPeerBackToSourceFinishedRequest', value: {} };

describe('The listener of a scheduler', () => {
  let server: GrpcServer;
  let client: Client;
  let loop: SwarmLoop;
  const connected = new Map<string, string>(); // Incarnations of open streams.
  const enrolled: string[] = [];
  const left: string[] = [];

  beforeEach(async () => {
    loop = new SwarmLoop({
      swarm: new Swarm({ random: () => 0 }),
      clock: new SystemClock(),
      log: new MemoryLog(),
      seeds: new NoSeeds(),
    });
    connected.clear();
    const claims = new HostClaims({ findConnected: (id) => connected.get(id) });
    loop.onHostLost((id) => claims.release(id));
    server = new GrpcServer({
      listen: { host: '127.0.0.1', port: 0 },
      onUnexpectedError: ({ error }) => {
        throw error;
      },
    });
    server.addService(
      SchedulerService,
      schedulerHandlers({
        loop,
        enrolment: { open: (host) => enrolled.push(host.id), leave: (id) => left.push(id) },
        claims,
        limits: () => ({ uploadLimit: 100, seedUploadLimit: 500 }),
      }),
    );
    server.addService(pondhawkV1.SwarmService, swarmHandlers(loop, claims));
    client = createClient(`127.0.0.1:${await server.start()}`);
  });
  afterEach(async () => {
    client.close();
    await server.stop(1_000);
  });

  const announceHost = async (id: string, facts: Partial<commonV2.Host> = {}): Promise<unknown> =>
    callUnary(
      client,
      SchedulerService.announceHost,
      {
        host: commonV2.Host.fromPartial({
          id,
          ip: '127.0.0.1',
          port: 4000,
          downloadPort: 4000,
          ...facts,
        }),
        interval: undefined,
      },
      CALL,
    );

  const say = async (call: Announcing, name: string, request: Said): Promise<void> =>
    call.send({ hostId: `h-${name}`, taskId: TASK, peerId: name, request });

  async function next(answers: AsyncIterator<schedulerV2.AnnouncePeerResponse>): Promise<string> {
    const result = await answers.next();
    return result.done === true ? 'end' : (result.value.response?.$case ?? 'nothing');
  }

  describe('when two daemons come under one host id', () => {
    const [first, second] = ['1'.repeat(32), '2'.repeat(32)];
    const metadataOf = (incarnation: string, formers: string[] = []) => {
      const metadata = new Metadata();
      if (incarnation !== '') metadata.set(INCARNATION_KEY, incarnation);
      if (formers.length > 0) metadata.set(FORMERS_KEY, formers.join(','));
      return metadata;
    };
    const announce = async (incarnation: string, formers: string[] = [], port = 4000) =>
      callUnary(
        client,
        SchedulerService.announceHost,
        {
          host: commonV2.Host.fromPartial({ id: 'h-x', ip: '127.0.0.1', port, downloadPort: port }),
          interval: undefined,
        },
        { ...CALL, metadata: metadataOf(incarnation, formers) },
      );
    const leave = async (incarnation: string) =>
      callUnary(
        client,
        SchedulerService.deleteHost,
        { hostId: 'h-x' },
        { ...CALL, metadata: metadataOf(incarnation) },
      );
    const tell = async (incarnation: string) =>
      callUnary(
        client,
        pondhawkV1.SwarmService.announceCopies,
        {
          ...{ hostId: 'h-x', copies: [], inventoryStart: true },
          incarnation: Buffer.from(incarnation, 'hex'),
        },
        { ...CALL, metadata: metadataOf(incarnation) },
      );
    const forget = async (incarnation: string) =>
      callUnary(
        client,
        SchedulerService.deleteTask,
        { hostId: 'h-x', taskId: TASK },
        { ...CALL, metadata: metadataOf(incarnation) },
      );
    const register = async (incarnation: string): Promise<string> => {
      const metadata = metadataOf(incarnation);
      const call = callBidi(client, SchedulerService.announcePeer, { metadata });
      await say(call, 'x', REGISTER);
      return next(call.responses[Symbol.asyncIterator]());
    };
    const report = async (incarnation: string) => {
      const metadata = metadataOf(incarnation);
      const call = callClientStream(client, pondhawkV1.SwarmService.reportPieces, { metadata });
      const facts = { hostId: 'h-x', taskId: TASK, peerId: 'x' };
      await call.send(pondhawkV1.ReportPiecesRequest.fromPartial(facts));
      return call.end();
    };
    const inUse = { code: 'HOST_ID_IN_USE' };

    it('refuses the second, whatever it says, and leaves the first as it is', async () => {
      await announce(first);
      await expect(announce(second, [], 5000)).rejects.toMatchObject(inUse);
      await expect(announce('', [], 5000)).rejects.toMatchObject(inUse);
      await expect(announce(second, ['3'.repeat(32)], 5000)).rejects.toMatchObject(inUse);
      await expect(tell(second)).rejects.toMatchObject(inUse);
      await tell(first);
      for (const stranger of [second, '']) {
        await expect(forget(stranger)).rejects.toMatchObject(inUse);
        await expect(register(stranger)).rejects.toMatchObject(inUse);
        await expect(report(stranger)).rejects.toMatchObject(inUse);
        await leave(stranger); // Takes nobody along.
      }
      expect(loop.swarm.peers.size).toBe(0);
      expect([...loop.hosts.values()].map(({ port }) => port)).toEqual([4000]);
      await announce(first);
      expect(await register(first)).toBe('needBackToSourceResponse');
      await forget(first);
    });

    it('takes the second when it has outlived the first, however many starts lie between', async () => {
      await announce(first);
      await announce(second, ['3'.repeat(32), first], 5000);
      expect(loop.hosts.get('h-x' as never)?.port).toBe(5000);
      await expect(announce(first)).rejects.toMatchObject(inUse);
      await leave(first);
      expect(loop.hosts.size).toBe(1);
    });

    it('takes the second once the first has left, or is silent and its stream is closed', async () => {
      await announce(first);
      connected.set('h-x', first);
      await leave(first);
      await expect(announce(second)).rejects.toMatchObject(inUse);
      connected.clear();
      await announce(second);
      loop.dropHost('h-x' as never);
      await announce(first);
    });
  });

  it('sends the first to the origin, names it to the second, and ends a stream after its terminal message', async () => {
    await announceHost('h-a');
    await announceHost('h-b');
    const [a, b] = [
      callBidi(client, SchedulerService.announcePeer),
      callBidi(client, SchedulerService.announcePeer),
    ];
    const [fromA, fromB] = [
      a.responses[Symbol.asyncIterator](),
      b.responses[Symbol.asyncIterator](),
    ];
    await say(a, 'a', REGISTER);
    expect(await next(fromA)).toBe('needBackToSourceResponse');
    await say(b, 'b', REGISTER);
    const answer = await fromB.next();
    expect(answer.value).toMatchObject({
      response: {
        $case: 'normalTaskResponse',
        value: {
          candidateParents: [{ id: 'a', host: { id: 'h-a', ip: '127.0.0.1', port: 4000 } }],
        },
      },
    });
    await say(a, 'a', FINISHED);
    expect(await next(fromA)).toBe('end');
    expect(loop.swarm.peers.get('a' as never)?.state).toBe('Succeeded');
    b.cancel();
    await expect(fromB.next()).rejects.toThrow();
  });

  it('tells a watcher what is known of pieces, and then each as it comes', async () => {
    await announceHost('h-a');
    const a = callBidi(client, SchedulerService.announcePeer);
    const fromA = a.responses[Symbol.asyncIterator]();
    await say(a, 'a', REGISTER);
    await next(fromA);
    const piece = (number: number): pondhawkV1.PieceDigest => ({
      number,
      offset: BigInt(number * 4),
      length: 4n,
      crc32: number,
      sha256: Buffer.alloc(32, number),
      hostId: 'h-a',
    });
    const report = callClientStream(client, pondhawkV1.SwarmService.reportPieces);
    const tell = async (...numbers: number[]): Promise<void> =>
      report.send(
        pondhawkV1.ReportPiecesRequest.fromPartial({
          hostId: 'h-a',
          taskId: TASK,
          peerId: 'a',
          pieceLength: 4n,
          validator: { etag: '"1"' },
          pieces: numbers.map(piece),
        }),
      );
    await tell(0);
    const watch = callServerStream(client, pondhawkV1.SwarmService.watchPieces, {
      taskId: TASK,
      hostId: 'h-b',
    });
    const seen: number[] = [];
    for await (const { pieces, validator } of watch) {
      seen.push(...pieces.map(({ number }) => number));
      if (seen.length === 1) {
        expect(validator?.etag).toBe('"1"');
        await tell(1);
      }
      if (seen.length === 2) break;
    }
    expect(seen).toEqual([0, 1]);
    report.cancel();
    a.cancel();
    await expect(fromA.next()).rejects.toThrow();
  });

  it('forgets the peer of a stream that breaks off', async () => {
    await announceHost('h-a');
    const a = callBidi(client, SchedulerService.announcePeer);
    const fromA = a.responses[Symbol.asyncIterator]();
    await say(a, 'a', REGISTER);
    await next(fromA);
    a.end();
    expect(await next(fromA)).toBe('end');
    expect(loop.swarm.peers.size).toBe(0);
  });

  it.each([
    ['host id with a slash', { id: 'a/../b' }],
    ['host id with NUL', { id: 'a\0b' }],
    ['host id of 10,000 characters', { id: 'x'.repeat(10_000) }],
    ['no ip', { ip: '' }],
    ['port 70000', { port: 70_000 }],
    ['a host name of 10,000 characters', { hostname: 'x'.repeat(10_000) }],
    [
      'an idc of 10,000 characters',
      { network: commonV2.Network.fromPartial({ idc: 'x'.repeat(10_000) }) },
    ],
  ])('refuses a host with %s', async (_, facts) => {
    await expect(announceHost('h', facts)).rejects.toMatchObject({ kind: 'invalid-argument' });
    expect(loop.hosts.size).toBe(0);
  });

  it.each(['..', 'A'.repeat(64), `${'a'.repeat(63)}/`, 'x'.repeat(10_000)])(
    'refuses task id %.70s',
    async (taskId) => {
      await expect(
        callUnary(client, SchedulerService.deleteTask, { hostId: 'h', taskId }, CALL),
      ).rejects.toMatchObject({ kind: 'invalid-argument' });
    },
  );

  const failedBy = (parentId: string): schedulerV2.DownloadPieceFailedRequest =>
    schedulerV2.DownloadPieceFailedRequest.fromPartial({ parentId });
  const costing = (seconds: bigint): Said => ({
    $case: 'downloadPieceFinishedRequest',
    value: { piece: commonV2.Piece.fromPartial({ length: 4n, cost: { seconds, nanos: 0 } }) },
  });
  it.each<[string, Partial<schedulerV2.AnnouncePeerRequest>]>([
    ['a task id with a path', { taskId: `../${'a'.repeat(61)}` }],
    ['a task id of 10,000 characters', { taskId: 'a'.repeat(10_000) }],
    ['a host id with a slash', { hostId: 'a/../b' }],
    ['a peer id with a NUL', { peerId: 'a\0b' }],
    ['no peer id', { peerId: '' }],
    ['a piece that took less than no time', { request: costing(-1n) }],
    ['a piece that took for ever', { request: costing(2n ** 62n) }],
    [
      'a failed parent with a path',
      { request: { $case: 'downloadPieceFailedRequest', value: failedBy('../x') } },
    ],
  ])('ends the stream of a peer that sends %s, and keeps nothing of it', async (_name, facts) => {
    await announceHost('h-a');
    const call = callBidi(client, SchedulerService.announcePeer);
    const answers = call.responses[Symbol.asyncIterator]();
    await say(call, 'a', REGISTER);
    await next(answers);
    await call.send({ hostId: 'h-a', taskId: TASK, peerId: 'a', request: REGISTER, ...facts });
    await expect(answers.next()).rejects.toMatchObject({ kind: 'invalid-argument' });
    expect(loop.swarm.peers.size).toBe(0);
  });

  it.each<[string, Partial<pondhawkV1.CopyRecord>]>([
    ['a task id with a path', { taskId: '../x' }],
    ['a copy id with a slash', { copyId: 'a/b' }],
    ['a content length beyond all numbers', { contentLength: 2n ** 63n }],
    [
      'a piece of a short digest',
      { pieces: [pondhawkV1.PieceDigest.fromPartial({ length: 4n, sha256: Buffer.alloc(5) })] },
    ],
  ])('refuses an inventory with %s, and keeps what it knew', async (_name, facts) => {
    await announceHost('h-a');
    const tell = (copies: Partial<pondhawkV1.CopyRecord>[]): Promise<unknown> =>
      callUnary(
        client,
        pondhawkV1.SwarmService.announceCopies,
        pondhawkV1.AnnounceCopiesRequest.fromPartial({
          hostId: 'h-a',
          copies: copies.map((copy) => ({ taskId: TASK, copyId: 'c'.repeat(32), ...copy })),
          inventoryStart: true,
        }),
        CALL,
      );
    await tell([{}]);
    await expect(tell([{}, facts])).rejects.toMatchObject({ kind: 'invalid-argument' });
    expect([...(loop.swarm.tasks.get(TASK as never)?.peers.keys() ?? [])]).toHaveLength(1);
  });

  it('gives hosts and seed peers the upload limits of their cluster', async () => {
    await announceHost('h-a');
    await announceHost('h-s', { type: 1 });
    const limitOf = (id: string): unknown => loop.swarm.hosts.get(id as never)?.uploadLimit;
    expect([limitOf('h-a'), limitOf('h-s')]).toEqual([100, 500]);
  });

  it('deletes a task of a host that it does not know without complaint', async () => {
    await expect(
      callUnary(client, SchedulerService.deleteTask, { hostId: 'h', taskId: TASK }, CALL),
    ).resolves.toEqual({});
  });
});
