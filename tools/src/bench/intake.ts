/** How many deletes the manager takes in a second, how soon it shows a page of many jobs, and how soon a thousand listeners know. */

import { join } from 'node:path';
import { headersFor } from '@pondhawk/testing';
import { BareDatabase, LedgerReading } from './bare-database.js';
import { withCluster, type BenchCluster } from './bench-cluster.js';
import { BenchChild } from './bench-child.js';
import { cancelJob, createJob, postBatch, readPage, whenAllEnded } from './bench-jobs.js';
import type { BenchOptions } from './bench-options.js';
import { EventStream, nowMs } from './event-stream.js';
import { loadAverage } from './machine.js';
import { postAll } from './post-load.js';
import { RedisQueue, type SyncedWhen } from './redis-server.js';
import { formatNumber, type Finding, type PartReport, type Series } from './report.js';
import { interleave, median, quantile, type Rounds, type Side } from './statistics.js';

const CONCURRENCIES = [64, 256];
const SYNCED: readonly SyncedWhen[] = ['always', 'everysec'];
const ALWAYS_GOAL = 3;
const EVERYSEC_GOAL = 1;
const BARE_GOAL = 0.3;
const BATCH_GOAL = 0.25;
const LINES_PER_BATCH = 1_000;
const JOBS_PER_PAGE = 10;

type Kept = ReadonlyMap<string, readonly number[]>;

interface Plan {
  readonly rounds: Rounds;
  readonly bodies: number;
  readonly batches: number;
  /** In the ledger when pages are read. */
  readonly jobs: number;
  readonly pages: number;
  readonly listeners: number;
}

const WHOLE: Plan = {
  ...{ rounds: { count: 8, dropped: 1 }, bodies: 2_000, batches: 3 },
  ...{ jobs: 100_000, pages: 500, listeners: 1_000 },
};
const QUICK: Plan = {
  ...{ rounds: { count: 2, dropped: 1 }, bodies: 100, batches: 1 },
  ...{ jobs: 2_000, pages: 50, listeners: 50 },
};

/** Measures it on a manager without schedulers: nobody carries out what is taken in. */
export async function benchIntake(options: BenchOptions): Promise<PartReport> {
  const plan = options.isQuick ? QUICK : WHOLE;
  return withCluster(options, { schedulers: 0, seeds: 0, peers: 0 }, async (bench) => {
    const rates = await measureRates(options, bench, plan);
    const pages = await measurePages(options, bench, plan);
    const listeners = await measureListeners(options, bench, plan);
    return report({ plan, rates, pages, listeners });
  });
}

async function measureRates(
  options: BenchOptions,
  bench: BenchCluster,
  { rounds, bodies, batches }: Plan,
): Promise<Kept> {
  const bare = new BenchChild('bare-server-process.js');
  const queues = new Map<SyncedWhen, RedisQueue>();
  const database = new BareDatabase(join(bench.dir, 'bare.db'));
  try {
    const bareUrl = await bare.ask<string>('listen');
    for (const synced of SYNCED) {
      queues.set(synced, await RedisQueue.start(join(bench.dir, `redis-${synced}`), synced));
    }
    const sides = [
      ...CONCURRENCIES.flatMap((concurrency) => [
        ...singleSides({ bench, bareUrl, concurrency, bodies }),
        ...[...queues].map(([synced, queue]): Side => ({
          name: `BullMQ ${synced}, ${concurrency} at once`,
          run: (round) => queue.addAll(bodiesOf(bodies, round), concurrency),
        })),
      ]),
      ...batchSides({ bench, database, lines: batches * LINES_PER_BATCH }),
    ];
    return await interleave(sides, rounds, (round, values) => {
      const words = [...values].map(([name, value]) => `${name} ${formatNumber(value)}`);
      options.say(`a second, round ${round + 1}: ${words.join('; ')}; load ${loadAverage()}`);
    });
  } finally {
    database.close();
    for (const queue of queues.values()) await queue.stop();
    await bare.stop();
  }
}

function singleSides(input: {
  readonly bench: BenchCluster;
  readonly bareUrl: string;
  readonly concurrency: number;
  readonly bodies: number;
}): Side[] {
  const { bench, bareUrl, concurrency, bodies } = input;
  const { manager } = bench.record;
  return [
    {
      name: `deletes, ${concurrency} at once`,
      run: (round) =>
        postAll({
          url: `${manager.url}/api/v1/jobs`,
          headers: headersFor(manager),
          concurrency,
          bodies: bodiesOf(bodies, round),
        }),
    },
    {
      name: `bare server, ${concurrency} at once`,
      run: (round) => postAll({ url: bareUrl, concurrency, bodies: bodiesOf(bodies, round) }),
    },
  ];
}

function batchSides(input: {
  readonly bench: BenchCluster;
  readonly database: BareDatabase;
  readonly lines: number;
}): Side[] {
  const { bench, database, lines } = input;
  return [
    {
      name: 'lines of batches',
      run: async (round) => {
        const startedAt = performance.now();
        for (let at = 0; at < lines; at += LINES_PER_BATCH) {
          const bodies = bodiesOf(LINES_PER_BATCH, round, at).map(
            (one) => JSON.parse(one) as object,
          );
          await postBatch(bench.record.manager, bodies);
        }
        return (lines * 1_000) / (performance.now() - startedAt);
      },
    },
    {
      name: 'rows of SQLite',
      run: (round) =>
        Promise.resolve(
          database.commitAll(bodiesOf(lines, round).map((body, at) => [`${round}-${at}`, body])),
        ),
    },
  ];
}

/** Pages of jobs, newest first, anywhere in the first tenth. */
async function measurePages(
  options: BenchOptions,
  { cluster, record }: BenchCluster,
  { jobs, pages }: Plan,
): Promise<Kept> {
  const { manager } = record;
  let newest = (await createJob(manager, bodyOf(0))).id;
  for (let batch = 0; newest < jobs; batch++) {
    await postBatch(
      manager,
      Array.from({ length: LINES_PER_BATCH }, (_, line) => bodyOf(line)),
    );
    newest = (await createJob(manager, bodyOf(batch))).id;
  }
  await whenAllEnded(manager);
  options.say(`${newest} jobs have ended; load ${loadAverage()}`);
  const ledger = new LedgerReading(join(cluster.record('manager').dataDir, 'manager.db'));
  const pageOf = (round: number): number => 1 + ((round * 7) % (jobs / JOBS_PER_PAGE / 10));
  const sides: Side[] = [
    {
      name: 'GET /jobs',
      run: async (round) => {
        const startedAt = performance.now();
        await readPage(manager, { page: pageOf(round), perPage: JOBS_PER_PAGE });
        return performance.now() - startedAt;
      },
    },
    {
      name: 'the same rows of SQLite',
      run: (round) => Promise.resolve(ledger.readPage(JOBS_PER_PAGE, pageOf(round))),
    },
  ];
  try {
    return await interleave(sides, { count: pages + 20, dropped: 20 }, () => undefined);
  } finally {
    ledger.close();
  }
}

/** From the call that ends a job until the last of its listeners has the event. */
async function measureListeners(
  options: BenchOptions,
  { record: { manager } }: BenchCluster,
  { rounds, listeners }: Plan,
): Promise<readonly number[]> {
  const kept: number[] = [];
  for (let round = 0; round < rounds.count; round++) {
    const job = await createJob(manager, { ...bodyOf(round), type: 'get_task' });
    const streams = await Promise.all(
      Array.from({ length: listeners }, () => EventStream.open(manager, job.id)),
    );
    const startedAtMs = nowMs();
    await cancelJob(manager, job.id);
    const ends = await Promise.all(streams.map(({ ended }) => ended));
    const ms = Math.max(...ends) - startedAtMs;
    options.say(`${listeners} listeners: the last after ${formatNumber(ms)} ms`);
    if (round >= rounds.dropped) kept.push(ms);
  }
  return kept;
}

function bodyOf(index: number): object {
  return { type: 'delete_task', args: { task_id: String(index).padStart(64, '0') } };
}

function bodiesOf(count: number, round: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) =>
    JSON.stringify(bodyOf(round * 1_000_000 + from + index)),
  );
}

function report(input: {
  readonly plan: Plan;
  readonly rates: Kept;
  readonly pages: Kept;
  readonly listeners: readonly number[];
}): PartReport {
  const { plan, rates, pages, listeners } = input;
  const rateOf = (side: string): number => median(rates.get(side) ?? []);
  const p99Of = (side: string): number => quantile(pages.get(side) ?? [], 0.99);
  const least = (what: string, value: number, goal: number): Finding => ({
    ...{ what, value, goal },
    ...{ unit: '×', bound: 'least' },
  });
  return {
    part: 'intake',
    series: [
      ...[...rates].map(([name, values]): Series => ({ name, unit: '/s', values })),
      ...[...pages.keys()].map((name): Series => ({
        ...{ name: `${name}, ${plan.jobs} jobs, p99`, unit: 'ms', values: [p99Of(name)] },
      })),
      { name: `event to the last of ${plan.listeners} listeners`, unit: 'ms', values: listeners },
    ],
    findings: [
      ...CONCURRENCIES.flatMap((concurrency) => {
        const ours = rateOf(`deletes, ${concurrency} at once`);
        const to = (other: string): number => ours / rateOf(`${other}, ${concurrency} at once`);
        return [
          least(
            `deletes / BullMQ always, ${concurrency} at once`,
            to('BullMQ always'),
            ALWAYS_GOAL,
          ),
          least(
            `deletes / BullMQ everysec, ${concurrency} at once`,
            to('BullMQ everysec'),
            EVERYSEC_GOAL,
          ),
          least(`deletes / bare server, ${concurrency} at once`, to('bare server'), BARE_GOAL),
        ];
      }),
      least(
        'lines of batches / rows of SQLite',
        rateOf('lines of batches') / rateOf('rows of SQLite'),
        BATCH_GOAL,
      ),
      {
        what: `GET /jobs / the same rows, ${plan.jobs} jobs, p99`,
        value: p99Of('GET /jobs') / p99Of('the same rows of SQLite'),
        ...{ unit: '×', bound: 'most' },
      },
    ],
    notes: [
      'Deletes: POST /jobs answered, on a manager without schedulers, so that nobody carries them out; each is committed with its purge, its order and its audit before it is answered.',
      'BullMQ: Queue.add on a Redis with appendonly, synced before each answer or once a second. Bare server: node:http, keeps nothing; same client.',
      `Batches: POST /jobs/batch of ${LINES_PER_BATCH} lines. SQLite: rows of the same text, 100 a commit, synchronous=FULL.`,
      `Pages of ${JOBS_PER_PAGE} jobs out of the newest tenth, when all have ended; beside it the same rows read from the same file. Listeners: from the call that cancels a job to its last event.`,
    ],
  };
}
