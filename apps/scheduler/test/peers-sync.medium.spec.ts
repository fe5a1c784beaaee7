import { OrderPayload } from '@pondhawk/contracts';
import { ManualLeaseClocks, NoFaults, parseHostId } from '@pondhawk/core';
import { MemoryLog, SystemClock } from '@pondhawk/observability';
import { Fleet } from '../src/fleet/fleet.js';
import { OrderCancels } from '../src/orders/order-cancels.js';
import { PeersSync } from '../src/orders/peers-sync.js';
import { FakeCaller } from './fake-caller.js';
import { hostMessage } from './fake-host.js';
import { FakeManager } from './fake-manager.js';
import type { ReportPart } from '../src/orders/report-senders.js';

const SCHEDULERS = [1, 2].map((id) => ({ id, hostname: `s${id}`, ip: '127.0.0.1', port: 8000 }));

describe('An order to tell the manager of all hosts', () => {
  let manager: FakeManager;
  let fleet: Fleet;

  beforeEach(() => {
    manager = new FakeManager();
    const loop = { onHostLost: () => undefined, apply: () => undefined };
    const parts = { manager, loop, caller: new FakeCaller(), log: new MemoryLog() };
    fleet = new Fleet({ ...parts, clock: new SystemClock(), clocks: new ManualLeaseClocks() });
  });
  afterEach(async () => {
    await fleet.stop();
  });

  const execute = async (facts: Partial<OrderPayload> = {}, timeoutMs?: number) => {
    const order = Object.assign(new OrderPayload(), {
      ...{ format: 1, order_id: 3, job_id: 2, attempt: 1, type: 'sync_peers' },
      ...{ scheduler_cluster_id: 1, scheduler_id: 1, schedulers: SCHEDULERS, args: {} },
      ...facts,
    });
    const reports: ReportPart[] = [];
    const sync = new PeersSync({
      ...{ fleet, cancels: new OrderCancels(), clock: new SystemClock(), faults: new NoFaults() },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    await sync.execute(order, (report) => {
      reports.push(report);
      return Promise.resolve();
    });
    expect(reports.map(({ is_last }) => is_last)).toEqual([true]);
    return reports[0]!.targets;
  };

  it('is reported once the manager has written them, and knows which connections are open', async () => {
    for (const name of ['h1', 'h2', 'h3']) fleet.announced.open(hostMessage(name));
    fleet.announced.leave(parseHostId(hostMessage('h2').id));
    const [target] = await execute();
    expect(target).toMatchObject({
      ...{ node: 'scheduler:1', outcome: 'answered', host_count: 2 },
      host: { id: 'scheduler:1', host_name: 's1', port: 8000 },
    });
    expect(manager.connected.sort()).toEqual(['h1', 'h3']);
    const compared = manager.enrolments.filter(({ completeUpTo }) => completeUpTo > 0n);
    expect(compared.at(-1)).toMatchObject({ completeUpTo: 3n, stillOpen: [1n, 3n] });
  });

  it('tells anew what the manager was told before', async () => {
    fleet.announced.open(hostMessage('h1'));
    await execute();
    manager.enrolments.length = 0; // A manager that forgot it all.
    expect(await execute()).toMatchObject([{ outcome: 'answered', host_count: 1 }]);
    expect(manager.connected).toEqual(['h1']);
  });

  it('is done where there are no hosts', async () => {
    expect(await execute()).toMatchObject([{ outcome: 'answered', host_count: 0 }]);
  });

  it('is carried out in the name of the scheduler that had it first', async () => {
    const facts = { scheduler_id: 1, home_scheduler_id: 2 };
    expect(await execute(facts)).toMatchObject([
      { node: 'scheduler:2', host: { host_name: 's2' } },
    ]);
  });

  it('has failed when the manager does not write them in time', async () => {
    manager.isAway = true;
    fleet.announced.open(hostMessage('h1'));
    expect(await execute({}, 200)).toMatchObject([
      { outcome: 'failed', code: 'DEADLINE_EXCEEDED', node: 'scheduler:1' },
    ]);
  });
});
