import { INVENTORY_TASKS_PER_MESSAGE_MAX, pondhawkV1 } from '@pondhawk/contracts';
import { ManualLeaseClocks, parseHostId, type TaskId } from '@pondhawk/core';
import { MemoryLog, SystemClock } from '@pondhawk/observability';
import { createClient, GrpcServer, type Client } from '@pondhawk/rpc';
import { eventually } from '@pondhawk/testing';
import { Fleet } from '../src/fleet/fleet.js';
import { FakeCaller } from './fake-caller.js';
import { FakeHost } from './fake-host.js';
import { FakeManager } from './fake-manager.js';

const WAIT = { timeoutMs: 10_000 };
const [A = '', B = '', C = ''] = ['a', 'b', 'c'].map((digit) => digit.repeat(64));

describe('The inventory of a host at its home', () => {
  let fleet: Fleet;
  let server: GrpcServer;
  let client: Client;

  beforeEach(async () => {
    fleet = new Fleet({
      caller: new FakeCaller(),
      manager: new FakeManager(),
      loop: { onHostLost: () => undefined, apply: () => undefined },
      clock: new SystemClock(),
      clocks: new ManualLeaseClocks(),
      log: new MemoryLog(),
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

  async function connect(name: string, incarnation = 1): Promise<FakeHost> {
    const host = await FakeHost.connect(client, name, {
      incarnation: Buffer.alloc(16, incarnation),
    });
    await eventually(() => host.known.length === 1, WAIT);
    return host;
  }

  const has = (name: string, taskId: string) =>
    fleet.holders.has(parseHostId(name), taskId as TaskId);
  const holds = (name: string, ...taskIds: string[]) =>
    eventually(
      () => expect([A, B, C].filter((taskId) => has(name, taskId))).toEqual(taskIds),
      WAIT,
    );

  it('is asked for whole from a host that is new, and follows its changes', async () => {
    const host = await connect('h1');
    expect(host.known).toEqual([undefined]);
    await host.tell({ isStart: true, held: [A] });
    await host.tell({ held: [B], revision: 5 });
    await holds('h1', A, B);
    await host.tell({ held: [C], gone: [A], revision: 6 });
    await holds('h1', B, C);
  });

  it('is not asked for again from the same start of the host, however its stream ended', async () => {
    const host = await connect('h1');
    await host.tell({ isStart: true, held: [A], revision: 7 });
    await holds('h1', A);
    host.leave();
    await eventually(() => fleet.connections.count === 0, WAIT);
    // It is one of those of which only so many are kept.
    expect(fleet.holders.stateOf(parseHostId('h1')).isKnown).toBe(false);
    const again = await connect('h1');
    expect(again.known).toEqual([7]);
    await holds('h1', A);
  });

  it('is asked for whole again when it had not been told to its end, or by another start', async () => {
    const host = await connect('h1');
    await host.tell({ isStart: true, held: [A] });
    await holds('h1', A);
    host.leave();
    await eventually(() => fleet.connections.count === 0, WAIT);
    const again = await connect('h1');
    expect(again.known).toEqual([undefined]);
    await again.tell({ isStart: true, held: [B], revision: 1 });
    await holds('h1', B);
    again.leave();
    await eventually(() => fleet.connections.count === 0, WAIT);
    const restarted = await connect('h1', 2);
    expect(restarted.known).toEqual([undefined]);
    await holds('h1');
  });

  it('goes with a host that leaves', async () => {
    const host = await connect('h1');
    await host.tell({ isStart: true, held: [A], revision: 1 });
    await holds('h1', A);
    await host.say({ $case: 'goodbye', value: {} });
    host.leave();
    await holds('h1');
    expect(fleet.holders.size).toBe(0);
  });

  it.each<[string, Partial<pondhawkV1.SyncInventory>]>([
    ['a short task id', { held: [Buffer.alloc(3)] }],
    [
      'more tasks than a message may name',
      { held: Array.from({ length: INVENTORY_TASKS_PER_MESSAGE_MAX + 1 }, () => Buffer.alloc(32)) },
    ],
    ['a hundred thousand tasks', { held: Array.from({ length: 100_000 }, () => Buffer.alloc(32)) }],
  ])(
    'ends the stream of a host that tells %s, and of no other',
    async (_name, facts) => {
      const [host, other] = [await connect('h1'), await connect('h2')];
      await other.tell({ isStart: true, held: [A], revision: 1 });
      await holds('h2', A);
      const value = pondhawkV1.SyncInventory.fromPartial({ isStart: true, ...facts });
      await host.say({ $case: 'inventory', value });
      await eventually(() => expect(host.ended).toMatchObject({ kind: 'invalid-argument' }), WAIT);
      await other.tell({ held: [B], revision: 2 });
      await holds('h2', A, B);
      await holds('h1');
    },
    30_000,
  );

  it('ends the stream of a host whose message is larger than the listener takes, and of no other', async () => {
    const [host, other] = [await connect('h1'), await connect('h2')];
    const held = Array.from({ length: 1_000_000 }, () => Buffer.alloc(32));
    const value = pondhawkV1.SyncInventory.fromPartial({ isStart: true, held });
    await host.say({ $case: 'inventory', value }).catch(() => undefined); // May end while it is sent.
    await eventually(() => expect(host.ended).toMatchObject({ kind: 'resource-exhausted' }), WAIT);
    await other.tell({ isStart: true, held: [A], revision: 1 });
    await holds('h2', A);
    await holds('h1');
  }, 30_000);

  it('matches answers to questions, and drops those that nobody asked for', async () => {
    const host = await connect('h1');
    const connection = fleet.connections.find(parseHostId('h1'))!;
    const ask = (taskId: string) =>
      connection.questions.ask({ $case: 'getTask', value: taskId }, WAIT.timeoutMs);
    const [first, second] = [ask(A), ask(B)];
    await eventually(() => host.questions.length === 2, WAIT);
    const answer = (id: bigint, taskId: string) =>
      host.say({
        $case: 'answer',
        value: pondhawkV1.SyncAnswer.fromPartial({ id, copies: [{ taskId }] }),
      });
    await answer(99n, C);
    await answer(host.questions[1]!.id, B);
    await answer(host.questions[0]!.id, A);
    await answer(host.questions[0]!.id, C);
    expect((await first).copies[0]?.taskId).toBe(A);
    expect((await second).copies[0]?.taskId).toBe(B);
    const lost = ask(C);
    host.leave();
    await expect(lost).rejects.toMatchObject({ code: 'HOST_CONNECTION_LOST' });
    await expect(ask(C)).rejects.toMatchObject({ code: 'HOST_CONNECTION_LOST' });
  });

  it('is remembered of a host that lost its stream, with who it is, until it says that it leaves', async () => {
    const host = await FakeHost.connect(client, 'h1');
    await host.tell({ held: [A], isStart: true, revision: 1 });
    await eventually(() => fleet.holders.has(parseHostId('h1'), A as TaskId), WAIT);
    expect(fleet.holders.absentHoldersOf(A as TaskId)).toEqual([]);
    host.leave();
    await eventually(() => fleet.holders.absentHoldersOf(A as TaskId).length === 1, WAIT);
    expect(fleet.holders.absentHoldersOf(A as TaskId)).toMatchObject([{ id: 'h1', port: 4000 }]);
    expect(fleet.holders.absentHoldersOf(B as TaskId)).toEqual([]);
  });
});
