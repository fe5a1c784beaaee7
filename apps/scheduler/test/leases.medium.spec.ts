import { pondhawkV1 } from '@pondhawk/contracts';
import { ManualLeaseClocks, parseHostId } from '@pondhawk/core';
import { MemoryLog, SystemClock } from '@pondhawk/observability';
import { createClient, GrpcServer, type Client } from '@pondhawk/rpc';
import { eventually } from '@pondhawk/testing';
import { Fleet } from '../src/fleet/fleet.js';
import { FakeCaller } from './fake-caller.js';
import { FakeHost } from './fake-host.js';
import { FakeManager } from './fake-manager.js';

const TASK = 'a'.repeat(64);
const WAIT = { timeoutMs: 10_000 };
const LEASE_MS = 4_000;

describe('The leases that a scheduler grants', () => {
  let manager: FakeManager;
  let fleet: Fleet;
  let clocks: ManualLeaseClocks;
  let server: GrpcServer;
  let client: Client;

  beforeEach(async () => {
    manager = new FakeManager();
    clocks = new ManualLeaseClocks();
    fleet = new Fleet({
      caller: new FakeCaller(),
      ...{ manager, clocks, clock: new SystemClock(), log: new MemoryLog() },
      loop: { onHostLost: () => undefined, apply: () => undefined },
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

  /** A host that is enrolled, at a scheduler that has a view. */
  const connect = async (name = 'h1'): Promise<FakeHost> => {
    fleet.begin();
    await eventually(() => fleet.views.counts.taken > 0, WAIT);
    const host = await FakeHost.connect(client, name);
    await eventually(() => host.logs.length > 0, WAIT);
    return host;
  };

  it('answer the request they are for, and need what view and enrolment have seen', async () => {
    manager.accept(TASK);
    const host = await connect();
    await eventually(() => fleet.feed.state?.head === 1, WAIT);
    const [opened] = manager.enrolments.flatMap((call) => call.opened);
    expect(opened?.outlived).toEqual([Buffer.alloc(16, 0xf0)]);
    expect(await host.askLease(7)).toMatchObject({
      ...{ refusal: '', number: 7n, needs: 1n, hostLeaseMs: LEASE_MS },
      incarnation: Buffer.alloc(16, 1),
      logEpoch: Buffer.from(manager.epoch, 'hex'),
    });
    expect(fleet.connections.leases.granted).toBe(1);
  });

  it('are refused before the first view, and once the view is as old as it may be', async () => {
    manager.isAway = false;
    const host = await FakeHost.connect(client, 'h1');
    fleet.enrolment.begin();
    await eventually(() => host.logs.length > 0, WAIT);
    expect(await host.askLease(1)).toMatchObject({ refusal: 'NO_VIEW' });
    fleet.begin();
    await eventually(() => fleet.views.counts.taken > 0, WAIT);
    expect(await host.askLease(2)).toMatchObject({ refusal: '' });
    manager.isAway = true;
    clocks.advance(LEASE_MS);
    expect(await host.askLease(3)).toMatchObject({ refusal: 'VIEW_OLD' });
    manager.isAway = false;
    await eventually(() => (fleet.views.ageMs ?? LEASE_MS) < LEASE_MS, WAIT);
    expect(await host.askLease(4)).toMatchObject({ refusal: '' });
  });

  it('are refused after the machine slept for longer than a view is good for', async () => {
    const host = await connect();
    manager.isAway = true;
    clocks.suspend(LEASE_MS);
    expect(await host.askLease(1)).toMatchObject({ refusal: 'VIEW_OLD' });
  });

  it('are refused while the log here does not reach the view', async () => {
    const host = await connect();
    const listed = jest
      .spyOn(manager, 'listPurges')
      .mockRejectedValue(new Error('The manager does not list now.'));
    manager.accept(TASK);
    await eventually(async () => {
      const { refusal } = await host.askLease(Date.now());
      expect(refusal).toBe('LOG_BEHIND');
    }, WAIT);
    listed.mockRestore();
    await eventually(() => fleet.feed.state?.head === 1, WAIT);
    expect(await host.askLease(1)).toMatchObject({ refusal: '', needs: 1n });
  });

  it('wait for another enrolment after the manager was started anew, which names all connections', async () => {
    const host = await connect();
    const number = fleet.connections.find(parseHostId('h1'))!.connection;
    const before = manager.enrolments.length;
    manager.run = Buffer.alloc(16, 2);
    await eventually(() => manager.enrolments.length > before, WAIT);
    await eventually(async () => {
      const { refusal } = await host.askLease(Date.now());
      expect(refusal).toBe('');
    }, WAIT);
    const told = manager.enrolments.slice(before).find(({ completeUpTo }) => completeUpTo > 0n);
    expect(told).toMatchObject({ completeUpTo: BigInt(number), stillOpen: [BigInt(number)] });
  });

  it('say whether the host may serve without one, as view or enrolment has read it later', async () => {
    const host = await connect();
    expect((await host.askLease(1)).waiver).toBeUndefined();
    manager.waiver = { number: 1, isGiven: true };
    await eventually(async () => {
      const { waiver } = await host.askLease(Date.now());
      expect(waiver).toEqual({ number: 1n, isGiven: true });
    }, WAIT);
    // It is withdrawn, and the scheduler has no view of that: who enrols now has no mark in the ledger.
    const viewed = jest.spyOn(manager, 'getView').mockRejectedValue(new Error('No view now.'));
    manager.waiver = { number: 2, isGiven: false };
    const other = await FakeHost.connect(client, 'h2');
    await eventually(() => other.logs.length > 0, WAIT);
    expect((await other.askLease(1)).waiver).toEqual({ number: 2n, isGiven: false });
    expect((await host.askLease(2)).waiver).toEqual({ number: 1n, isGiven: true });
    viewed.mockRestore();
  });

  it('are asked for by hosts that say what they were told, and the ledger hears it once', async () => {
    const host = await connect();
    for (const number of [1, 2, 3]) await host.askLease(number, 2);
    const told = (): unknown[] => manager.enrolments.flatMap(({ waiverEnds }) => waiverEnds);
    const end = { hostId: 'h1', incarnation: Buffer.alloc(16, 1), number: 2n };
    const logEpoch = Buffer.alloc(16, 0xe1);
    await eventually(() => told().length > 0, WAIT);
    manager.isAway = true;
    await host.askLease(4, 4);
    manager.isAway = false;
    await eventually(() => told().length > 1, WAIT);
    expect(told()).toEqual([
      { ...end, logEpoch },
      { ...end, logEpoch, number: 4n },
    ]);
  });

  it('come with views that tell at once whether foreign parents are allowed', async () => {
    const heard: boolean[] = [];
    fleet.onForeignParents((areAllowed) => heard.push(areAllowed));
    await connect();
    manager.allowForeignParents = true;
    await eventually(() => heard.includes(true), WAIT);
    expect(heard[0]).toBe(false);
  });

  it('end with the connection of a host that asks for none, which is reported lost at once', async () => {
    manager.lengths = { schedulerLeaseMs: LEASE_MS, hostLeaseMs: 500 };
    const host = await connect();
    await eventually(() => host.ended !== undefined, WAIT);
    expect(host.ended).toMatchObject({ code: 'HOST_SILENT' });
    await eventually(() => manager.connected.length === 0, WAIT);
    expect(fleet.connections.silentCount).toBe(1);
  });
});
