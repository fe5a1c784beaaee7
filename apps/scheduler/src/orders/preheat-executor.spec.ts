import {
  CANCELLED,
  NO_HOST_MATCHES,
  OrderPayload,
  packHosts,
  type TargetReport,
  type pondhawkV1,
} from '@pondhawk/contracts';
import { ManualClock, NoFaults, NotFoundError, UnavailableError } from '@pondhawk/core';
import { MemoryLog } from '@pondhawk/observability';
import { OrderCancels } from './order-cancels.js';
import { PreheatCaller, type PreheatAnswer } from './preheat-caller.js';
import { PreheatExecutor } from './preheat-executor.js';
import { PreheatPlans } from './preheat-plans.js';
import type { ReportPart } from './report-senders.js';

const TASKS = ['a', 'b', 'c'].map((digit) => digit.repeat(64));
const FETCHED: PreheatAnswer = { outcome: 'preheated', bytes: 7 };
const FAILED = {
  outcome: 'failed',
  code: 'ORIGIN_STATUS',
  message: 'no',
  isRetryable: false,
} as const;

function anOrder(hostCount: number, spec: Partial<OrderPayload['spec']> = {}): OrderPayload {
  const record = (index: number): string =>
    JSON.stringify({
      ...{ id: `h${index}`, host_name: `h${index}`, type: 'normal', ip: '10.0.0.1', port: 1 },
      ...{ idc: '', location: '', download_port: 1, os: '', platform: '', platform_family: '' },
      ...{ platform_version: '', kernel_version: '', git_version: '', git_commit: '' },
      build_platform: '',
    });
  return Object.assign(new OrderPayload(), {
    ...{ format: 1, order_id: 1, job_id: 1, attempt: 1, type: 'preheat', scheduler_id: 1 },
    ...{ scheduler_cluster_id: 1, schedulers: [], args: { ticket: '0'.repeat(32) } },
    spec: { timeout_ms: 60_000, parallelism: 4, failure_strategy: 'CONTINUE', ...spec },
    hosts: packHosts(Array.from({ length: hostCount }, (_, index) => record(index))),
    ...{ only_named: true, accepted_at_ms: 0, deadline_at_ms: 60_000 },
  });
}

class Caller extends PreheatCaller {
  readonly calls: string[] = [];
  open = 0;
  mostOpen = 0;
  constructor(readonly answer: (host: string, url: string) => PreheatAnswer) {
    super();
  }
  async preheat(
    ...[{ id }, { url }]: Parameters<PreheatCaller['preheat']>
  ): Promise<PreheatAnswer> {
    this.calls.push(`${id} ${url}`);
    this.open += 1;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    await new Promise((resolve) => setImmediate(resolve));
    this.open -= 1;
    return this.answer(id, url);
  }
}

class Plans extends PreheatPlans {
  constructor(private readonly plan: Partial<pondhawkV1.GetPreheatResponse> | Error = {}) {
    super();
  }
  load(): Promise<pondhawkV1.GetPreheatResponse> {
    if (this.plan instanceof Error) return Promise.reject(this.plan);
    const tasks = TASKS.map((taskId) => ({ taskId, url: taskId[0] ?? '', digest: '' }));
    const plan = {
      tasks,
      download: undefined,
      singleSeed: false,
      concurrentTaskCount: 8,
      goodForMs: 0,
    };
    return Promise.resolve({ ...plan, ...this.plan });
  }
}

async function run(
  order: OrderPayload,
  caller: PreheatCaller,
  plans = new Plans(),
  cancels = new OrderCancels(0),
): Promise<{ last: ReportPart | undefined; targets: Map<string, TargetReport> }> {
  const parts = {
    loop: { hosts: new Map() },
    plans,
    caller,
    cancels,
    faults: new NoFaults(),
    log: new MemoryLog(),
  };
  const clock = new ManualClock(0);
  const reports: ReportPart[] = [];
  await new PreheatExecutor({ ...parts, clock, random: () => 0 }).execute(order, (report) => {
    reports.push(report);
    return Promise.resolve();
  });
  const all = reports.flatMap(({ targets }) => targets);
  return { last: reports.at(-1), targets: new Map(all.map((target) => [target.node, target])) };
}

describe('PreheatExecutor', () => {
  it('has each host fetch each task, never with more calls open than allowed', async () => {
    const caller = new Caller(() => FETCHED);
    const { last, targets } = await run(anOrder(1_000), caller);
    expect([last?.is_last, targets.size, caller.calls.length]).toEqual([true, 1_000, 3_000]);
    expect(caller.mostOpen).toBe(4);
    expect(targets.get('host:h7')).toMatchObject({
      outcome: 'preheated',
      preheats: TASKS.map((id) => ({ id, outcome: 'preheated', bytes: 7 })),
    });
  });

  it('opens no more calls to one host than its tasks may be at once', async () => {
    const caller = new Caller(() => FETCHED);
    await run(anOrder(1), caller, new Plans({ concurrentTaskCount: 1 }));
    expect(caller.mostOpen).toBe(1);
  });

  it('gives each task to one host where it goes to the seed peer of each', async () => {
    const caller = new Caller(() => FETCHED);
    await run(anOrder(3), caller, new Plans({ singleSeed: true }));
    expect(caller.calls.map((call) => call.split(' ')[1]).sort()).toEqual(['a', 'b', 'c']);
  });

  it('fails a host by its worst task, and says which failed', async () => {
    const caller = new Caller((_host, url) => (url === 'b' ? FAILED : FETCHED));
    const { targets } = await run(anOrder(1), caller);
    expect(targets.get('host:h0')).toMatchObject({
      ...{ outcome: 'failed', code: 'ORIGIN_STATUS', message: '1 of 3 tasks: no' },
      preheats: [{ outcome: 'preheated' }, { outcome: 'failed' }, { outcome: 'preheated' }],
    });
  });

  it('tries a host again that was not reached, and no other failure', async () => {
    const lost = { ...FAILED, code: 'HOST_UNREACHABLE', isRetryable: true };
    const caller = new Caller((_host, url) => (url === 'a' ? lost : FAILED));
    const { targets } = await run(anOrder(1), caller);
    expect(caller.calls.sort()).toEqual(['h0 a', 'h0 a', 'h0 a', 'h0 b', 'h0 c']);
    expect(targets.get('host:h0')).toMatchObject({ outcome: 'failed', attempts: 3 });
  });

  it('begins nothing after a failure where the job stops at one', async () => {
    const caller = new Caller(() => FAILED);
    const spec = { parallelism: 1, failure_strategy: 'STOP' } as const;
    const { targets } = await run(anOrder(2, spec), caller);
    expect(caller.calls).toHaveLength(1);
    expect(targets.get('host:h1')).toMatchObject({ outcome: 'skipped', code: 'STOPPED' });
  });

  it('begins nothing after a cancel', async () => {
    const cancels = new OrderCancels(0);
    const order = anOrder(2, { parallelism: 1 });
    const caller = new Caller(() => {
      void cancels.cancel(order);
      return FETCHED;
    });
    const { targets } = await run(order, caller, new Plans(), cancels);
    expect(caller.calls).toHaveLength(1);
    expect(targets.get('host:h1')).toMatchObject({ outcome: 'skipped', code: CANCELLED });
  });

  it('fails as a whole without a host, or when the manager knows of no such preheat', async () => {
    const caller = new Caller(() => FETCHED);
    const none = await run(anOrder(0), caller);
    expect(none.last).toMatchObject({ is_last: true, error: { code: NO_HOST_MATCHES } });
    const gone = new Plans(new NotFoundError('PREHEAT_NOT_FOUND', 'gone'));
    const refused = await run(anOrder(1), caller, gone);
    expect(refused.last).toMatchObject({ is_last: true, error: { code: 'PREHEAT_NOT_FOUND' } });
    expect(caller.calls).toEqual([]);
  });

  it('is delivered again when the manager does not answer', async () => {
    const plans = new Plans(new UnavailableError('UNAVAILABLE', 'away'));
    await expect(run(anOrder(1), new Caller(() => FETCHED), plans)).rejects.toThrow('away');
  });
});
