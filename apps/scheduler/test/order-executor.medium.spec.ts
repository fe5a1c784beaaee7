import {
  commonV2,
  HeldTask,
  OrderPayload,
  packHosts,
  pondhawkV1,
  toHostRecord,
  type TargetReport,
} from '@pondhawk/contracts';
import { chooseByRendezvous, NoFaults } from '@pondhawk/core';
import { MemoryLog, SystemClock } from '@pondhawk/observability';
import { Swarm } from '@pondhawk/swarm';
import { eventually } from '@pondhawk/testing';
import { SeedCaller, SwarmLoop } from '../src/announcing/swarm-loop.js';
import { toHostEvent } from '../src/announcing/swarm-messages.js';
import { OpenQuestions } from '../src/fleet/open-questions.js';
import type { HostConnection } from '../src/fleet/host-connection.js';
import { HostCaller, type HostAnswer, type HostQuestion } from '../src/orders/host-caller.js';
import { OrderCancels } from '../src/orders/order-cancels.js';
import {
  HOST_TRIES_MAX,
  OrderExecutor,
  STREAM_PATIENCE_MS,
  type OrderExecutorOptions,
} from '../src/orders/order-executor.js';
import type { ReportPart } from '../src/orders/report-senders.js';

const SCHEDULERS = [1, 2].map((id) => ({ id, hostname: `s${id}`, ip: '127.0.0.1', port: 8002 }));

class NoSeeds extends SeedCaller {
  async download(): Promise<void> {
    return Promise.reject(new Error('There is no seed.'));
  }
}

class FakeHosts extends HostCaller {
  readonly asked: { host: string; question: HostQuestion }[] = [];
  open = 0;
  openMax = 0;

  constructor(private readonly answer: (host: string, port: number) => Promise<HostAnswer>) {
    super();
  }

  async ask(host: commonV2.Host, question: HostQuestion): Promise<HostAnswer> {
    this.asked.push({ host: host.id, question });
    this.open += 1;
    this.openMax = Math.max(this.openMax, this.open);
    try {
      return await this.answer(host.id, host.port);
    } finally {
      this.open -= 1;
    }
  }
}

/** As much of a stream as is asked on; `undefined` as an answer means silence. */
type Asked = Pick<HostConnection, 'questions' | 'tells'>;

function aStream(
  answer: (question: pondhawkV1.SyncQuestion) => Partial<pondhawkV1.SyncAnswer> | 'lost' | 'silent',
): Asked {
  const questions: OpenQuestions = new OpenQuestions((question) => {
    const facts = answer(question);
    if (facts === 'lost') questions.end('The stream ended.');
    else if (facts !== 'silent') {
      questions.take(pondhawkV1.SyncAnswer.fromPartial({ ...facts, id: question.id }));
    }
  });
  return { questions, tells: () => false };
}

function makeLoop(hosts: readonly string[]): SwarmLoop {
  const loop = new SwarmLoop({
    swarm: new Swarm({ random: () => 0 }),
    clock: new SystemClock(),
    log: new MemoryLog(),
    seeds: new NoSeeds(),
  });
  for (const id of hosts) {
    const host = commonV2.Host.fromPartial({ id, ip: '127.0.0.1', port: 4000, downloadPort: 4000 });
    loop.hosts.set(id as never, host);
    loop.apply(toHostEvent(host, { intervalMs: 10_000, uploadLimit: 100, isGuarded: true }));
  }
  return loop;
}

function connectionsOf(streams: ReadonlyMap<string, Asked>): OrderExecutorOptions['connections'] {
  return {
    find: (id) => streams.get(id) as HostConnection | undefined,
    whenOpen: (id) => Promise.resolve(streams.get(id) as HostConnection | undefined),
  };
}

function makeExecutor(
  loop: SwarmLoop,
  caller: HostCaller,
  streams: ReadonlyMap<string, Asked> | OrderExecutorOptions['connections'] = new Map(),
  holders: OrderExecutorOptions['holders'] = { has: () => false, absentHoldersOf: () => [] },
  cancels = new OrderCancels(),
): OrderExecutor {
  return new OrderExecutor({
    loop,
    holders,
    caller,
    cancels,
    verifier: { verify: () => Promise.reject(new Error('Nobody asked for it.')) },
    clock: new SystemClock(),
    random: () => 0,
    faults: new NoFaults(),
    log: new MemoryLog(),
    connections: 'whenOpen' in streams ? streams : connectionsOf(streams),
    feed: { learn: () => Promise.resolve() },
  });
}

function anOrder(facts: Partial<OrderPayload> = {}): OrderPayload {
  return Object.assign(new OrderPayload(), {
    format: 1,
    order_id: 1,
    job_id: 1,
    attempt: 1,
    type: 'delete_task',
    scheduler_cluster_id: 1,
    scheduler_id: 1,
    schedulers: SCHEDULERS.slice(0, 1),
    args: { task_id: 'a'.repeat(64) },
    spec: { timeout_ms: 60_000, parallelism: 128, failure_strategy: 'CONTINUE' },
    purge: { log_epoch: '0'.repeat(32), seq: 0 },
    accepted_at_ms: Date.now(),
    deadline_at_ms: Date.now() + 60_000,
    ...facts,
  });
}

class Sink {
  readonly reports: ReportPart[] = [];

  readonly send = async (report: ReportPart): Promise<void> => {
    this.reports.push(report);
    return Promise.resolve();
  };

  outcomes(outcome: string): TargetReport[] {
    return this.reports
      .flatMap(({ targets }) => targets)
      .filter((target) => target.outcome === outcome);
  }
}

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `10.0.0.${index}-h`);
const gone = async (): Promise<HostAnswer> =>
  Promise.resolve({ outcome: 'deleted', deletedBytes: 5 });

describe('OrderExecutor', () => {
  it('names hosts that have not answered as pending, then each outcome, and says when it is the last report', async () => {
    const sink = new Sink();
    let release: (answer: HostAnswer) => void = () => undefined;
    const slow = new Promise<HostAnswer>((resolve) => (release = resolve));
    const done = makeExecutor(makeLoop(names(3)), new FakeHosts(() => slow)).execute(
      anOrder(),
      sink.send,
    );
    await eventually(() => sink.reports.length > 0, { timeoutMs: 5_000 });
    expect(sink.outcomes('pending')).toHaveLength(3);
    release({ outcome: 'deleted', deletedBytes: 5 });
    await done;
    expect(sink.outcomes('deleted').map(({ deleted_bytes }) => deleted_bytes)).toEqual([5, 5, 5]);
    expect(sink.reports.map(({ is_last }) => is_last)).toEqual([
      ...sink.reports.slice(1).map(() => false),
      true,
    ]);
  });

  it('names in the first report of a purge whoever the order does not, so that no job ends without them', async () => {
    const sink = new Sink();
    const [first = '', ...others] = names(3);
    let release: (answer: HostAnswer) => void = () => undefined;
    const slow = new Promise<HostAnswer>((resolve) => (release = resolve));
    const caller = new FakeHosts((host) => (host === first ? gone() : slow));
    const done = makeExecutor(makeLoop(names(3)), caller).execute(anOrder(), sink.send);
    await eventually(() => sink.reports.length > 0, { timeoutMs: 5_000 });
    const named = sink.reports[0]?.targets.map(({ node, outcome }) => [node, outcome]);
    expect(Object.fromEntries(named ?? [])).toEqual({
      [`host:${first}`]: 'deleted',
      ...Object.fromEntries(others.map((host) => [`host:${host}`, 'pending'])),
    });
    release({ outcome: 'absent' });
    await done;
  });

  it('needs one report when every host answers at once', async () => {
    const sink = new Sink();
    await makeExecutor(makeLoop(names(3)), new FakeHosts(gone)).execute(anOrder(), sink.send);
    expect(sink.reports).toMatchObject([
      {
        is_last: true,
        targets: [{ outcome: 'deleted' }, { outcome: 'deleted' }, { outcome: 'deleted' }],
      },
    ]);
  });

  it('asks each host by exactly one of the schedulers that the order names', async () => {
    const hosts = names(40);
    const asked: string[] = [];
    for (const { id } of SCHEDULERS) {
      const fake = new FakeHosts(gone);
      await makeExecutor(makeLoop(hosts), fake).execute(
        anOrder({ scheduler_id: id, schedulers: SCHEDULERS }),
        new Sink().send,
      );
      expect(fake.asked.every(({ host }) => chooseByRendezvous(SCHEDULERS, host).id === id)).toBe(
        true,
      );
      asked.push(...fake.asked.map(({ host }) => host));
    }
    expect(asked.sort()).toEqual([...hosts].sort());
  });

  describe('of hosts with a stream', () => {
    const outcome = (name: string) => pondhawkV1.PurgeOutcome.fromPartial({ outcome: name });
    const streams = (waitFor: (host: string) => Promise<pondhawkV1.PurgeOutcome>) => ({
      find: (host: string) =>
        ({ tells: () => true, waitFor: () => waitFor(host) }) as unknown as HostConnection,
      whenOpen: () => Promise.resolve(undefined),
    });
    const holding = (...hosts: string[]) => ({
      has: (id: string) => hosts.includes(id),
      absentHoldersOf: () => [],
    });

    it('calls nobody who answers there', async () => {
      const hosts = names(3);
      const fake = new FakeHosts(gone);
      const sink = new Sink();
      const answering = streams(async () => Promise.resolve(outcome('deleted')));
      const executor = makeExecutor(makeLoop(hosts), fake, answering, holding(...hosts));
      await executor.execute(anOrder(), sink.send);
      expect(sink.outcomes('deleted')).toHaveLength(3);
      expect(fake.asked).toEqual([]);
    });

    it('calls a host whose stream is of another daemon than the ledger means, and says whose answer it is', async () => {
      const [id = ''] = names(1);
      const meant = { incarnation: 'a1'.repeat(16), folder_lock: 'cc'.repeat(16) };
      const record = Object.assign(toHostRecord(commonV2.Host.fromPartial({ id })), meant);
      const answers = (lock: string) => ({
        find: () =>
          ({
            ...{ incarnation: 'a2'.repeat(16), lock, tells: () => true },
            waitFor: async () => Promise.resolve(outcome('absent')),
          }) as unknown as HostConnection,
        whenOpen: () => Promise.resolve(undefined),
      });
      const executed = async (lock: string): Promise<[TargetReport[], number]> => {
        const speaker = { incarnation: 'a2'.repeat(16), lock };
        const fake = new FakeHosts(async () => Promise.resolve({ outcome: 'absent', speaker }));
        const sink = new Sink();
        const order = anOrder({ hosts: packHosts([JSON.stringify(record)]) });
        await makeExecutor(makeLoop([id]), fake, answers(lock)).execute(order, sink.send);
        return [sink.reports.at(-1)?.targets ?? [], fake.asked.length];
      };
      expect(await executed(meant.folder_lock)).toMatchObject([
        [{ outcome: 'absent', host: meant }],
        0,
      ]);
      expect(await executed('dd'.repeat(16))).toMatchObject([
        [{ outcome: 'failed', code: 'OTHER_DAEMON', host: meant }],
        1,
      ]);
    });

    it('calls those that lose it at once, and silent holders after a while', async () => {
      const [lost = '', holder = '', other = ''] = names(3);
      const fake = new FakeHosts(gone);
      const sink = new Sink();
      let answer: (one: pondhawkV1.PurgeOutcome) => void = () => undefined;
      const late = new Promise<pondhawkV1.PurgeOutcome>((resolve) => (answer = resolve));
      const silent = streams(async (host) => {
        if (host === lost) throw new Error('The stream ended.');
        return host === other ? late : new Promise(() => undefined);
      });
      const executor = makeExecutor(makeLoop([lost, holder, other]), fake, silent, holding(holder));
      const done = executor.execute(anOrder(), sink.send);
      await eventually(() => fake.asked.length === 1, { timeoutMs: STREAM_PATIENCE_MS / 2 });
      expect(fake.asked.map(({ host }) => host)).toEqual([lost]);
      await eventually(() => fake.asked.length === 2, { timeoutMs: 10 * STREAM_PATIENCE_MS });
      answer(outcome('absent'));
      await done;
      expect(fake.asked.map(({ host }) => host)).toEqual([lost, holder]);
      expect(sink.outcomes('absent').map(({ host }) => host.id)).toEqual([other]);
      expect(sink.outcomes('deleted')).toHaveLength(2);
    });
  });

  it('never has more calls open than the order allows', async () => {
    const fake = new FakeHosts(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return gone();
    });
    await makeExecutor(makeLoop(names(50)), fake).execute(
      anOrder({ spec: { timeout_ms: 60_000, parallelism: 4, failure_strategy: 'CONTINUE' } }),
      new Sink().send,
    );
    expect([fake.asked.length, fake.openMax]).toEqual([50, 4]);
  });

  it('reports the others while one host hangs', async () => {
    let release: (answer: HostAnswer) => void = () => undefined;
    const hung = new Promise<HostAnswer>((resolve) => (release = resolve));
    const sink = new Sink();
    const fake = new FakeHosts((host) => (host === '10.0.0.7-h' ? hung : gone()));
    const done = makeExecutor(makeLoop(names(20)), fake).execute(anOrder(), sink.send);
    await eventually(() => sink.outcomes('deleted').length === 19, { timeoutMs: 5_000 });
    expect(sink.reports.some(({ is_last }) => is_last)).toBe(false);
    release({ outcome: 'absent' });
    await done;
    expect(sink.reports.at(-1)?.is_last).toBe(true);
  });

  it('tries an unreachable host a few times and says so', async () => {
    const sink = new Sink();
    const fake = new FakeHosts(async () =>
      Promise.resolve({
        outcome: 'failed',
        code: 'HOST_UNREACHABLE',
        message: 'refused',
        isRetryable: true,
      }),
    );
    await makeExecutor(makeLoop(names(1)), fake).execute(anOrder(), sink.send);
    expect(fake.asked).toHaveLength(HOST_TRIES_MAX);
    expect(sink.outcomes('failed')).toMatchObject([
      { code: 'HOST_UNREACHABLE', attempts: HOST_TRIES_MAX },
    ]);
  });

  it('asks a host that announced itself anew at its new address', async () => {
    const loop = makeLoop(names(1));
    const fake = new FakeHosts(async (id, port) => {
      if (port === 4001) return gone();
      loop.hosts.set(
        id as never,
        commonV2.Host.fromPartial({ id, ip: '127.0.0.1', port: 4001, downloadPort: 4001 }),
      );
      return Promise.resolve({
        outcome: 'failed',
        code: 'HOST_UNREACHABLE',
        message: 'refused',
        isRetryable: true,
      });
    });
    const sink = new Sink();
    await makeExecutor(loop, fake).execute(anOrder(), sink.send);
    expect(sink.outcomes('deleted')).toMatchObject([{ attempts: 2 }]);
  });

  it('means the hosts of the scheduler that had it first when an order was taken over', async () => {
    const hosts = names(40);
    const of = (id: number) =>
      hosts.filter((host) => chooseByRendezvous(SCHEDULERS, host).id === id);
    const fake = new FakeHosts(gone);
    const takenOver = anOrder({
      ...{ attempt: 2, scheduler_id: 1, home_scheduler_id: 2, schedulers: SCHEDULERS },
    });
    await makeExecutor(makeLoop(hosts), fake).execute(takenOver, new Sink().send);
    expect(fake.asked.map(({ host }) => host).sort()).toEqual(of(2).sort());
    expect(of(2).length).toBeGreaterThan(0);
  });

  it('sends the number of the purge with the call', async () => {
    const fake = new FakeHosts(gone);
    await makeExecutor(makeLoop(names(1)), fake).execute(anOrder(), new Sink().send);
    expect(fake.asked[0]?.question.purge).toBe(`1.${'0'.repeat(32)}.0`);
  });

  it('skips the rest after a failure when the order says STOP', async () => {
    const sink = new Sink();
    const fake = new FakeHosts(async () =>
      Promise.resolve({
        outcome: 'failed',
        code: 'UNLINK_FAILED',
        message: 'EIO',
        isRetryable: false,
      }),
    );
    await makeExecutor(makeLoop(names(3)), fake).execute(
      anOrder({ spec: { timeout_ms: 60_000, parallelism: 1, failure_strategy: 'STOP' } }),
      sink.send,
    );
    expect([sink.outcomes('failed').length, sink.outcomes('skipped').length]).toEqual([1, 2]);
  });

  it('spares the hosts that were not asked when it is cancelled, and waits for the one that was', async () => {
    const sink = new Sink();
    let release: (answer: HostAnswer) => void = () => undefined;
    const asked = new Promise<HostAnswer>((resolve) => (release = resolve));
    const fake = new FakeHosts(() => asked);
    const cancels = new OrderCancels();
    const executor = makeExecutor(makeLoop(names(5)), fake, new Map(), undefined, cancels);
    const order = anOrder({
      spec: { timeout_ms: 60_000, parallelism: 1, failure_strategy: 'CONTINUE' },
    });
    const done = executor.execute(order, sink.send);
    await eventually(() => fake.asked.length === 1, { timeoutMs: 5_000 });
    let isKnown: boolean | undefined;
    const told = cancels.cancel(order).then((known) => (isKnown = known));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isKnown).toBeUndefined();
    release({ outcome: 'deleted', deletedBytes: 5 });
    await Promise.all([done, told]);
    expect([isKnown, fake.asked.length]).toEqual([true, 1]);
    expect(sink.outcomes('deleted')).toHaveLength(1);
    expect(sink.outcomes('skipped').map(({ code }) => code)).toEqual(Array(4).fill('CANCELLED'));
    expect(sink.reports.at(-1)?.is_last).toBe(true);
  });

  it('asks those alone that are named when the order says so', async () => {
    const fake = new FakeHosts(gone);
    const [one = ''] = names(1);
    const hosts = packHosts([JSON.stringify(toHostRecord(commonV2.Host.fromPartial({ id: one })))]);
    const executor = makeExecutor(makeLoop(names(3)), fake);
    await executor.execute(anOrder({ hosts, only_named: true }), new Sink().send);
    expect(fake.asked.map(({ host }) => host)).toEqual([one]);
    await executor.execute(anOrder({ hosts }), new Sink().send);
    expect(fake.asked).toHaveLength(4);
  });

  it('asks nobody when the cancel came first, and everybody under another attempt', async () => {
    const fake = new FakeHosts(gone);
    const cancels = new OrderCancels(1);
    const executor = makeExecutor(makeLoop(names(2)), fake, new Map(), undefined, cancels);
    expect(await cancels.cancel(anOrder())).toBe(false);
    const [first, second] = [new Sink(), new Sink()];
    await executor.execute(anOrder(), first.send);
    expect([first.outcomes('skipped').length, fake.asked.length]).toEqual([2, 0]);
    await executor.execute(anOrder({ attempt: 2 }), second.send);
    expect([second.outcomes('deleted').length, fake.asked.length]).toEqual([2, 2]);
  });

  it('fails when a report cannot be sent, so that the order comes again', async () => {
    const refuse = async (): Promise<void> => Promise.reject(new Error('no broker'));
    await expect(
      makeExecutor(makeLoop(names(1)), new FakeHosts(gone)).execute(anOrder(), refuse),
    ).rejects.toThrow('no broker');
  });

  describe('when hosts keep streams', () => {
    const ID = 'a'.repeat(64);
    const record = pondhawkV1.CopyRecord.fromPartial({
      ...{ taskId: ID, url: 'http://o/f', tag: 't', application: 'x', state: 'filling' },
      ...{ contentLength: 9n, storedBytes: 7n, pieceLength: 4n },
    });
    const [host = ''] = names(1);
    const answeredByCall = async (): Promise<HostAnswer> =>
      Promise.resolve({
        outcome: 'answered',
        task: Object.assign(new HeldTask(), { id: ID, url: '' }),
      });
    const ask = async (
      type: 'get_task' | 'list_tasks',
      stream: Asked | undefined,
      taskIds?: string[],
    ) => {
      const [sink, fake] = [new Sink(), new FakeHosts(answeredByCall)];
      const streams = new Map(stream === undefined ? [] : [[host, stream]]);
      const named = taskIds === undefined ? {} : { task_ids: taskIds };
      const args = type === 'get_task' ? { task_id: ID } : named;
      const loop = makeLoop([host]);
      await makeExecutor(loop, fake, streams).execute(anOrder({ type, args }), sink.send);
      return { sink, calls: fake.asked.length };
    };

    it('asks for a task there, with what only the host knows, and calls nobody', async () => {
      const { sink, calls } = await ask(
        'get_task',
        aStream(() => ({ copies: [record] })),
      );
      expect(sink.outcomes('answered')[0]?.task).toMatchObject({
        ...{ id: ID, url: 'http://o/f', tag: 't', application: 'x' },
        ...{ state: 'filling', finished_bytes: 7, content_length: 9 },
      });
      expect(calls).toBe(0);
      const absent = await ask(
        'get_task',
        aStream(() => ({})),
      );
      expect([absent.sink.outcomes('absent').length, absent.calls]).toEqual([1, 0]);
    });

    it.each<[string, Asked]>([
      ['has lost its stream', aStream(() => 'lost')],
      ['cannot answer', aStream(() => ({ code: 'QUESTION_UNKNOWN' }))],
      [
        'answers of another task',
        aStream(() => ({ copies: [{ ...record, taskId: 'b'.repeat(64) }] })),
      ],
      [
        'answers with texts that no report takes',
        aStream(() => ({ copies: [{ ...record, tag: 'x'.repeat(10_000) }] })),
      ],
    ])('calls a host that %s', async (_name, stream) => {
      const { sink, calls } = await ask('get_task', stream);
      expect([sink.outcomes('answered').length, calls]).toEqual([1, 1]);
    });

    it('reports who has answered there while a host without one hangs in its call', async () => {
      let release: (answer: HostAnswer) => void = () => undefined;
      const hung = new Promise<HostAnswer>((resolve) => (release = resolve));
      const [first = '', second = ''] = names(2);
      const [sink, streams] = [
        new Sink(),
        new Map([[first, aStream(() => ({ copies: [record] }))]]),
      ];
      const done = makeExecutor(
        makeLoop([first, second]),
        new FakeHosts(() => hung),
        streams,
      ).execute(anOrder({ type: 'get_task', args: { task_id: ID } }), sink.send);
      await eventually(() => sink.outcomes('answered').length === 1, { timeoutMs: 3_000 });
      release({ outcome: 'absent' });
      await done;
      expect(sink.outcomes('absent').map(({ node }) => node)).toEqual([`host:${second}`]);
    });

    it('calls a host that stays silent on its stream', async () => {
      const { sink, calls } = await ask(
        'get_task',
        aStream(() => 'silent'),
      );
      expect([sink.outcomes('answered').length, calls]).toEqual([1, 1]);
    });

    it('lists what a host holds, and says when that is not all', async () => {
      const copies = [record, { ...record, taskId: 'b'.repeat(64) }];
      const list = (totalCount: bigint) =>
        ask(
          'list_tasks',
          aStream(() => ({ copies, totalCount })),
        );
      const [whole] = (await list(2n)).sink.outcomes('answered');
      expect(whole?.tasks?.map(({ id }) => id)).toEqual([ID, 'b'.repeat(64)]);
      expect(whole?.code).toBeUndefined();
      const [cut] = (await list(5_000n)).sink.outcomes('answered');
      expect(cut).toMatchObject({
        code: 'LIST_TRUNCATED',
        message: expect.stringContaining('5000') as string,
      });
    });

    it('lists of the tasks that are named, also from a host that lists all it has', async () => {
      const copies = [record, { ...record, taskId: 'b'.repeat(64) }];
      const list = (totalCount: bigint) =>
        ask(
          'list_tasks',
          aStream(() => ({ copies, totalCount })),
          [ID, 'c'.repeat(64)],
        );
      const [whole] = (await list(2n)).sink.outcomes('answered');
      expect(whole?.tasks?.map(({ id }) => id)).toEqual([ID]);
      expect(whole?.code).toBeUndefined();
      // What it did not list may be what was asked for.
      const [cut] = (await list(5_000n)).sink.outcomes('answered');
      expect(cut?.code).toBe('LIST_TRUNCATED');
    });

    it.each<[string, Asked | undefined, string]>([
      ['without a stream', undefined, 'INVENTORY_UNKNOWN'],
      ['that lost it', aStream(() => 'lost'), 'HOST_CONNECTION_LOST'],
      [
        'that lists nonsense',
        aStream(() => ({ copies: [{ ...record, taskId: '../x' }] })),
        'INVALID_TASK_ID',
      ],
      [
        'that lists too much',
        aStream(() => ({ copies: Array.from({ length: 1_001 }, () => record) })),
        'INVENTORY_TOO_LONG',
      ],
      ['that names a bad code', aStream(() => ({ code: 'no code\n' })), 'HOST_FAILED'],
    ])('names a host %s when tasks are listed', async (_name, stream, code) => {
      const { sink } = await ask('list_tasks', stream);
      expect(sink.outcomes('failed')).toMatchObject([{ code }]);
    });
  });
});
