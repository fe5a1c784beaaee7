import {
  commonV2,
  OrderPayload,
  type TargetReport,
  type TargetVerification,
} from '@pondhawk/contracts';
import { NoFaults } from '@pondhawk/core';
import { MemoryLog, SystemClock } from '@pondhawk/observability';
import { Swarm } from '@pondhawk/swarm';
import { SeedCaller, SwarmLoop } from '../src/announcing/swarm-loop.js';
import { toHostEvent } from '../src/announcing/swarm-messages.js';
import { HostCaller, type HostAnswer } from '../src/orders/host-caller.js';
import { OrderCancels } from '../src/orders/order-cancels.js';
import { OrderExecutor } from '../src/orders/order-executor.js';
import { HostVerifier } from '../src/verification/host-verifier.js';
import type { ReportPart } from '../src/orders/report-senders.js';

const HOSTS = [0, 1, 2, 3].map((index) => `10.0.0.${index}-h`);

class NoSeeds extends SeedCaller {
  async download(): Promise<void> {
    return Promise.reject(new Error('There is no seed.'));
  }
}

class FakeCaller extends HostCaller {
  constructor(private readonly answer: (host: string) => Promise<HostAnswer>) {
    super();
  }

  async ask({ id }: commonV2.Host): Promise<HostAnswer> {
    return this.answer(id);
  }
}

class FakeVerifier extends HostVerifier {
  readonly asked: string[] = [];

  constructor(private readonly states: Partial<Record<string, TargetVerification['state']>> = {}) {
    super();
  }

  async verify({ id }: commonV2.Host): Promise<TargetVerification> {
    this.asked.push(id);
    return Promise.resolve({ state: this.states[id] ?? 'passed', message: 'seen' });
  }
}

const absent = async (): Promise<HostAnswer> => Promise.resolve({ outcome: 'absent' });

function anOrder(facts: Partial<OrderPayload> = {}): OrderPayload {
  return Object.assign(new OrderPayload(), {
    ...{ format: 1, order_id: 1, job_id: 1, attempt: 1, type: 'delete_task' },
    ...{ scheduler_cluster_id: 1, scheduler_id: 1 },
    schedulers: [{ id: 1, hostname: 's1', ip: '127.0.0.1', port: 8002 }],
    args: { task_id: 'a'.repeat(64), verify: true },
    spec: { timeout_ms: 60_000, parallelism: 128, failure_strategy: 'CONTINUE' },
    purge: { log_epoch: '0'.repeat(32), seq: 0 },
    accepted_at_ms: Date.now(),
    deadline_at_ms: Date.now() + 60_000,
    ...facts,
  });
}

function makeLoop(): SwarmLoop {
  const parts = { clock: new SystemClock(), log: new MemoryLog(), seeds: new NoSeeds() };
  const loop = new SwarmLoop({ swarm: new Swarm({ random: () => 0 }), ...parts });
  for (const id of HOSTS) {
    const host = commonV2.Host.fromPartial({ id, ip: '127.0.0.1', port: 4000, downloadPort: 4000 });
    loop.hosts.set(id as never, host);
    loop.apply(toHostEvent(host, { intervalMs: 10_000, uploadLimit: 100, isGuarded: true }));
  }
  return loop;
}

/** Carries an order out. @returns its reports. */
async function carryOut(
  order: OrderPayload,
  parts: {
    readonly verifier: HostVerifier;
    readonly answer?: (host: string) => Promise<HostAnswer>;
    readonly cancels?: OrderCancels;
  },
): Promise<ReportPart[]> {
  const { verifier, answer = absent, cancels = new OrderCancels() } = parts;
  const reports: ReportPart[] = [];
  const executor = new OrderExecutor({
    ...{ verifier, cancels, loop: makeLoop(), caller: new FakeCaller(answer) },
    ...{ clock: new SystemClock(), random: () => 0, faults: new NoFaults(), log: new MemoryLog() },
    holders: { has: () => false, absentHoldersOf: () => [] },
    connections: { find: () => undefined, whenOpen: () => Promise.resolve(undefined) },
    feed: { learn: () => Promise.resolve() },
  });
  await executor.execute(order, (report) => Promise.resolve(void reports.push(report)));
  return reports;
}

/** What was said last of each host. */
function lastOf(reports: readonly ReportPart[]): Map<string, TargetReport> {
  const targets = reports.flatMap((report) => report.targets);
  return new Map(targets.map((target) => [target.host.id, target]));
}

describe('An order to delete and to verify', () => {
  it('fails the hosts that still serve, notes those that cannot be asked, and counts all', async () => {
    const verifier = new FakeVerifier({ '10.0.0.1-h': 'failed', '10.0.0.2-h': 'unreachable' });
    const reports = await carryOut(anOrder(), { verifier });
    const last = lastOf(reports);
    expect(last.get('10.0.0.1-h')).toMatchObject({
      ...{ outcome: 'failed', code: 'STILL_SERVES', message: 'seen' },
      verification: { state: 'failed' },
    });
    expect(last.get('10.0.0.2-h')).toMatchObject({
      ...{ outcome: 'absent', verification: { state: 'unreachable' } },
    });
    expect(last.get('10.0.0.3-h')?.verification).toBeUndefined();
    expect(reports.flatMap(({ verification }) => verification ?? [])).toHaveLength(1);
    expect(reports.at(-1)).toMatchObject({
      is_last: true,
      verification: { asked: 4, passed: 2, newer_copies: 0, failed: 1, unreachable: 1 },
    });
  });

  it('asks nobody before the last host has answered, and none that has failed', async () => {
    const verifier = new FakeVerifier();
    const askedTooSoon: string[] = [];
    const answer = async (host: string): Promise<HostAnswer> => {
      if (host === '10.0.0.3-h') await new Promise((resolve) => setTimeout(resolve, 100));
      askedTooSoon.push(...verifier.asked);
      if (host !== '10.0.0.0-h') return absent();
      return { outcome: 'failed', code: 'UNLINK_FAILED', message: '', isRetryable: false };
    };
    const reports = await carryOut(anOrder(), { verifier, answer });
    expect(askedTooSoon).toEqual([]);
    expect(verifier.asked.sort()).toEqual(HOSTS.slice(1));
    expect(reports.at(-1)?.verification).toMatchObject({ asked: 3, passed: 3 });
  });

  it('asks nobody if that was not ordered', async () => {
    const verifier = new FakeVerifier();
    const order = anOrder({ args: { task_id: 'a'.repeat(64) } });
    const reports = await carryOut(order, { verifier });
    expect([verifier.asked, reports.at(-1)?.verification]).toEqual([[], undefined]);
  });

  it('tells of each host that passed when a former attempt may have said otherwise', async () => {
    const reports = await carryOut(anOrder({ attempt: 2 }), { verifier: new FakeVerifier() });
    const states = [...lastOf(reports).values()].map(({ verification }) => verification?.state);
    expect(states).toEqual(HOSTS.map(() => 'passed'));
  });

  it('asks nobody once the job was cancelled', async () => {
    const verifier = new FakeVerifier();
    const cancels = new OrderCancels();
    let cancelled: Promise<boolean> | undefined;
    const answer = async (): Promise<HostAnswer> => {
      cancelled ??= cancels.cancel(anOrder());
      return absent();
    };
    const reports = await carryOut(anOrder(), { verifier, answer, cancels });
    expect(await cancelled).toBe(true);
    expect(verifier.asked).toEqual([]);
    expect(reports.at(-1)?.verification).toMatchObject({ asked: 0 });
  });
});
