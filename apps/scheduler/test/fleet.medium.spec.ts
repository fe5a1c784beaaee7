import { fromHostRecord, pondhawkV1 } from '@pondhawk/contracts';
import { ManualLeaseClocks, parseHostId } from '@pondhawk/core';
import { MemoryLog, SystemClock } from '@pondhawk/observability';
import { callBidi, callUnary, createClient, GrpcServer, type Client } from '@pondhawk/rpc';
import { eventually } from '@pondhawk/testing';
import { AnnouncedHosts } from '../src/fleet/announced-hosts.js';
import { Fleet } from '../src/fleet/fleet.js';
import { FakeCaller } from './fake-caller.js';
import { FakeHost, hostMessage } from './fake-host.js';
import { FakeManager } from './fake-manager.js';

const TASK = 'a'.repeat(64);
const WAIT = { timeoutMs: 10_000 };
const ZERO = Buffer.alloc(16);

describe('The fleet of a scheduler', () => {
  let manager: FakeManager;
  let fleet: Fleet;
  let server: GrpcServer;
  let client: Client;
  let lose: (hostId: string) => void;
  let clocks: ManualLeaseClocks;

  beforeEach(async () => {
    manager = new FakeManager();
    const loop = {
      onHostLost: (listener: (id: never) => void) => (lose = listener as never),
      apply: () => undefined,
    };
    clocks = new ManualLeaseClocks();
    const log = new MemoryLog();
    fleet = new Fleet({
      caller: new FakeCaller(),
      manager,
      loop,
      clock: new SystemClock(),
      clocks,
      log,
    });
    server = new GrpcServer({
      listen: { host: '127.0.0.1', port: 0 },
      onUnexpectedError: ({ error }) => {
        throw error;
      },
    });
    server.addService(pondhawkV1.FleetSyncService, fleet.connections.handlers());
    client = createClient(`127.0.0.1:${await server.start()}`);
  });
  afterEach(async () => {
    client.close();
    await server.stop(1_000);
    await fleet.stop();
  });

  const connect = (name: string, facts: Partial<pondhawkV1.SyncHello> = {}) =>
    FakeHost.connect(client, name, facts);

  const epochBytes = () => Buffer.from(manager.epoch, 'hex');
  const named = (host: FakeHost) => eventually(() => host.logs.length > 0, WAIT);
  const learn = (seq: number) =>
    fleet.feed.learn({ epoch: manager.epoch, seq, taskId: TASK as never });
  const find = (name: string) => fleet.connections.find(parseHostId(name));

  it('enrols a host before it names the log, and sends what the host lacks in order', async () => {
    manager.accept(TASK);
    manager.accept(TASK);
    const host = await connect('h1', { logEpoch: epochBytes(), applied: 0n });
    await eventually(() => host.entries.length === 2, WAIT);
    expect(manager.connected).toEqual(['h1']);
    expect(host.logs).toEqual([{ epoch: manager.epoch, head: 2 }]);
    await learn(manager.accept(TASK));
    await eventually(() => expect(host.entries).toEqual([1, 2, 3]), WAIT);
  });

  it('shares an enrolment among hosts that come together', async () => {
    const hosts = await Promise.all(['h1', 'h2', 'h3', 'h4'].map((name) => connect(name)));
    await Promise.all(hosts.map(named));
    expect(manager.connected).toHaveLength(4);
    expect(manager.enrolments.length).toBeLessThan(4);
  });

  it('enrols a host later when the manager is away, and says nothing of the log before', async () => {
    manager.isAway = true;
    const host = await connect('h1');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(host.logs).toEqual([]);
    manager.isAway = false;
    await named(host);
    expect(manager.connected).toEqual(['h1']);
  });

  it('fetches what lies between its log and the number of an order', async () => {
    const host = await connect('h1', { logEpoch: epochBytes() });
    await named(host);
    manager.accept(TASK);
    manager.accept(TASK);
    await learn(manager.accept(TASK));
    await eventually(() => expect(host.entries).toEqual([1, 2, 3]), WAIT);
    await learn(2);
    expect(fleet.feed.state?.head).toBe(3);
  });

  it('follows a log that begins later now, and tells a host that stands before it where it stands', async () => {
    for (let count = 0; count < 4; count += 1) manager.accept(TASK);
    const host = await connect('h1', { logEpoch: epochBytes(), applied: 2n });
    await eventually(() => expect(host.entries).toEqual([3, 4]), WAIT);
    for (let count = 0; count < 4; count += 1) manager.accept(TASK);
    manager.first = 7;
    manager.entries = manager.entries.slice(6);
    // This scheduler stands at 4, and 5 is gone: it cannot go on from there.
    await learn(8);
    expect(fleet.feed.state).toMatchObject({ first: 7, head: 8 });
    await eventually(
      () => expect(host.logs.at(-1)).toEqual({ epoch: manager.epoch, head: 8 }),
      WAIT,
    );
    expect(host.entries).toEqual([3, 4]);
    const old = await connect('h2', { logEpoch: epochBytes(), applied: 3n });
    await eventually(() => expect(old.logs).toEqual([{ epoch: manager.epoch, head: 8 }]), WAIT);
    const recent = await connect('h3', { logEpoch: epochBytes(), applied: 6n });
    await eventually(() => expect(recent.entries).toEqual([7, 8]), WAIT);
    await learn(manager.accept(TASK));
    await eventually(() => expect(host.entries).toEqual([3, 4, 9]), WAIT);
    expect(old.entries).toEqual([9]);
  });

  it('gives an outcome to whoever waits for it', async () => {
    const host = await connect('h1', { logEpoch: epochBytes() });
    await named(host);
    const seq = manager.accept(TASK);
    expect(find('h1')?.tells(manager.epoch, seq)).toBe(true);
    const outcome = find('h1')!.waitFor(seq, 5_000);
    await learn(seq);
    await eventually(() => host.entries.length === 1, WAIT);
    await host.answer(seq, 'deleted');
    expect(await outcome).toMatchObject({ outcome: 'deleted', copies: 1 });
    expect(find('h1')?.tells(manager.epoch, seq)).toBe(false);
    expect(manager.later).toEqual([]);
  });

  it('gives an outcome also to who comes after it, because a view told of the entry before its order', async () => {
    const host = await connect('h1', { logEpoch: epochBytes() });
    await named(host);
    const [first, second] = [manager.accept(TASK), manager.accept(TASK)];
    await learn(second);
    await eventually(() => host.entries.length === 2, WAIT);
    // Sent, and not answered yet.
    expect(find('h1')?.tells(manager.epoch, first)).toBe(true);
    const outcome = find('h1')!.waitFor(first, 5_000);
    await host.answer(first, 'absent');
    expect(await outcome).toMatchObject({ outcome: 'absent' });
    // Answered before anybody waits.
    await host.answer(second, 'deleted');
    await host.askLease(1); // Whose answer says that all before it was read.
    expect(find('h1')?.tells(manager.epoch, second)).toBe(true);
    expect(await find('h1')!.waitFor(second, 5_000)).toMatchObject({ outcome: 'deleted' });
    expect(find('h1')?.tells(manager.epoch, second)).toBe(false);
    expect(manager.later).toEqual([]);
  });

  it('tells who waits when the stream ends or the host is silent', async () => {
    const host = await connect('h1', { logEpoch: epochBytes() });
    await named(host);
    await expect(find('h1')!.waitFor(1, 20)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
    const lost = expect(find('h1')!.waitFor(2, 60_000)).rejects.toMatchObject({
      code: 'HOST_CONNECTION_LOST',
    });
    host.leave();
    await lost;
    await eventually(() => expect(manager.connected).toEqual([]), WAIT);
    expect(manager.enrolments.flatMap(({ closed }) => closed)).toMatchObject([{ hasLeft: false }]);
  });

  it('passes on what a host did later: what it had missed, and what was waited for in vain', async () => {
    manager.accept(TASK);
    const host = await connect('h1', { logEpoch: epochBytes() });
    await eventually(() => host.entries.length === 1, WAIT);
    await host.answer(1, 'deleted');
    await eventually(() => manager.later.length === 1, WAIT);
    const seq = manager.accept(TASK);
    await expect(find('h1')!.waitFor(seq, 20)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
    await host.answer(seq, 'absent');
    await eventually(() => manager.later.length === 2, WAIT);
    expect(manager.later.map(({ hostId, outcome }) => [hostId, outcome?.outcome])).toEqual([
      ['h1', 'deleted'],
      ['h1', 'absent'],
    ]);
  });

  it('tells the manager how far hosts are once they move, and all anew to another start of it', async () => {
    fleet.begin();
    const host = await connect('h1', { logEpoch: epochBytes() });
    await named(host);
    await host.askLease(1);
    await eventually(() => expect(manager.progress).toEqual([['h1', 0]]), WAIT);
    const ask = (number: number, applied: number) =>
      host.say({
        $case: 'leaseRequest',
        value: pondhawkV1.SyncLeaseRequest.fromPartial({
          number: BigInt(number),
          applied: BigInt(applied),
        }),
      });
    await ask(2, 0);
    await ask(3, 2);
    await eventually(() => expect(manager.progress.at(-1)).toEqual(['h1', 2]), WAIT);
    expect(manager.progress).toHaveLength(2); // What had not changed was not told again.
    manager.run = Buffer.alloc(16, 9);
    await eventually(() => expect(manager.progress).toHaveLength(3), WAIT);
    expect(manager.progress.at(-1)).toEqual(['h1', 2]);
  });

  it('reports that a host has left when it says so', async () => {
    const host = await connect('h1');
    await named(host);
    await host.say({ $case: 'goodbye', value: {} });
    host.leave();
    await eventually(() => expect(manager.connected).toEqual([]), WAIT);
    expect(manager.enrolments.flatMap(({ closed }) => closed)).toMatchObject([{ hasLeft: true }]);
  });

  it('refuses another daemon under the id of a connected one, unless it holds the same folder', async () => {
    const host = await connect('h1');
    await named(host);
    const clone = await connect('h1', { incarnation: Buffer.alloc(16, 2) });
    await eventually(() => expect(clone.ended).toMatchObject({ code: 'HOST_ID_IN_USE' }), WAIT);
    expect(host.ended).toBeUndefined();
    const heir = await connect('h1', {
      incarnation: Buffer.alloc(16, 3),
      formerIncarnation: Buffer.alloc(16, 1),
    });
    await named(heir);
    await eventually(() => expect(host.ended).toBe('end'), WAIT);
    await eventually(() => expect(manager.connected).toEqual(['h1']), WAIT);
    expect(find('h1')?.incarnation).toBe('03'.repeat(16));
  });

  it('names another log when a host knows a number otherwise, to every host', async () => {
    const seq = manager.accept(TASK);
    const other = await connect('h1', {
      logEpoch: epochBytes(),
      applied: BigInt(seq),
      appliedHash: manager.state.headHash,
    });
    await named(other);
    const host = await connect('h2', {
      logEpoch: epochBytes(),
      applied: 1n,
      appliedHash: 'f'.repeat(64),
    });
    await eventually(() => expect(host.logs).toEqual([{ epoch: 'e2'.repeat(16), head: 1 }]), WAIT);
    await eventually(() => expect(other.logs.map(({ head }) => head)).toEqual([1, 1]), WAIT);
    expect(manager.histories).toEqual([{ hostId: 'h2', seq: 1 }]);
    await learn(manager.accept(TASK));
    await eventually(() => expect([host.entries, other.entries]).toEqual([[2], [2]]), WAIT);
  });

  it('finds a ledger that went back by what it knows itself, as soon as the manager answers', async () => {
    const host = await connect('h1', { logEpoch: epochBytes() });
    await named(host);
    await learn(manager.accept(TASK));
    await eventually(() => host.entries.length === 1, WAIT);
    manager.entries = [];
    fleet.enrolment.begin();
    await eventually(() => expect(host.logs.map(({ head }) => head)).toEqual([0, 1]), WAIT);
    expect(manager.histories).toEqual([{ hostId: '', seq: 1 }]);
  });

  it('enrols open streams again when the manager was started anew', async () => {
    await named(await connect('h1'));
    manager.run = Buffer.alloc(16, 9);
    manager.enrolments.splice(0);
    await named(await connect('h2'));
    await eventually(() => expect(manager.connected.sort()).toEqual(['h1', 'h2']), WAIT);
  });

  it('sends nothing old to a host that must take over the log', async () => {
    manager.first = 8;
    const host = await connect('h1', { logEpoch: epochBytes(), applied: 3n });
    await named(host);
    expect(host.logs).toEqual([{ epoch: manager.epoch, head: 7 }]);
    await learn(manager.accept(TASK));
    await eventually(() => expect(host.entries).toEqual([8]), WAIT);
  });

  it.each<[string, Partial<pondhawkV1.SyncHello>, string]>([
    ['no host', { host: undefined }, 'INVALID_HOST'],
    ['a host id that is a path', { host: hostMessage('../x') }, 'INVALID_HOST_ID'],
    ['a short incarnation', { incarnation: Buffer.alloc(3) }, 'INVALID_EPOCH'],
    ['no epoch', { logEpoch: Buffer.alloc(0) }, 'INVALID_EPOCH'],
  ])('refuses a hello with %s', async (_name, facts, code) => {
    const host = await connect('h1', facts);
    await eventually(() => expect(host.ended).toMatchObject({ code }), WAIT);
    expect(fleet.connections.count).toBe(0);
  });

  it('refuses a stream that does not begin with hello', async () => {
    const stream = callBidi(client, pondhawkV1.FleetSyncService.sync, {});
    const host = new FakeHost(stream);
    await host.answer(1, 'deleted');
    await eventually(() => expect(host.ended).toMatchObject({ code: 'HELLO_MISSING' }), WAIT);
  });

  it('lists entries for a call that named a number too early', async () => {
    manager.accept(TASK);
    manager.accept(TASK);
    await named(await connect('h1', { logEpoch: epochBytes() }));
    const list = (logEpoch: Buffer) =>
      callUnary(
        client,
        pondhawkV1.FleetSyncService.listEntries,
        { logEpoch, after: 1n, limit: 10 },
        WAIT,
      );
    expect((await list(epochBytes())).entries.map(({ seq }) => seq)).toEqual([2n]);
    expect((await list(ZERO)).entries).toEqual([]);
  });

  it('enrols hosts that only announce themselves, until they fall silent or leave', async () => {
    const announced = new AnnouncedHosts(fleet.enrolment, fleet.foreign, {
      onHostLost: (listener) => (lose = listener as never),
    });
    const host = fromHostRecord(
      { id: 'f1', host_name: 'f1', type: 'normal', ip: '127.0.0.1', port: 4000 } as never,
      1,
    );
    announced.open(host);
    await eventually(() => expect(manager.connected).toEqual(['f1']), WAIT);
    lose('f1');
    await eventually(() => expect(manager.connected).toEqual([]), WAIT);
    announced.open(host);
    await eventually(() => expect(manager.connected).toEqual(['f1']), WAIT);
    announced.leave(parseHostId('f1'));
    await eventually(() => expect(manager.connected).toEqual([]), WAIT);
  });
});
