/** How long a delete on three hosts takes, and how many are accepted a second. */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { headersFor } from '@pondhawk/testing';
import { withCluster, writeOriginFile, type BenchCluster } from './bench-cluster.js';
import { BenchChild } from './bench-child.js';
import { deleteByJob, whenNoJobRuns } from './bench-jobs.js';
import { KIB, type BenchOptions } from './bench-options.js';
import { BenchPeer } from './bench-peer.js';
import { loadAverage } from './machine.js';
import { postAll } from './post-load.js';
import { formatNumber, type Finding, type PartReport, type Series } from './report.js';
import { ScatterGather, UnlinkLoop } from './scatter-gather.js';
import { interleave, median, quantile, type Rounds, type Side } from './statistics.js';

const HOSTS = 3;
const COPY_BYTES = 64 * KIB;
const CONCURRENCY = 64;
const SHARES = [0.5, 0.99];
/** After downloads, before a deletion. */
const SETTLE_MS = 20;

type Kept = ReadonlyMap<string, readonly number[]>;

/** Measures both, on one cluster. */
export async function benchJobs(options: BenchOptions): Promise<PartReport> {
  const shape = { schedulers: 1, seeds: 0, peers: HOSTS };
  return withCluster(options, shape, async (bench) => {
    const latencies = await measureLatency(options, bench);
    const rates = await measureRate(options, bench);
    return report(latencies, rates);
  });
}

async function measureLatency(options: BenchOptions, bench: BenchCluster): Promise<Kept> {
  const rounds: Rounds = options.isQuick ? { count: 12, dropped: 2 } : { count: 220, dropped: 20 };
  const records = bench.record.processes.filter(({ role }) => role === 'peer');
  const peers = records.map((record) => new BenchPeer(record));
  const scatter = await ScatterGather.start(bench.record.nats.url, HOSTS);
  const files = new UnlinkLoop(join(bench.dir, 'floor'), { count: HOSTS, sizeBytes: COPY_BYTES });
  const job: Side = {
    name: 'job',
    run: async (round) => {
      const { url } = await writeOriginFile(bench, `latency-${round}`, COPY_BYTES);
      let taskId = '';
      for (const peer of peers) taskId = (await peer.download(url)).taskId;
      await sleep(SETTLE_MS);
      return timed(() => deleteByJob(bench.record.manager, taskId, HOSTS));
    },
  };
  const floor: Side = {
    name: 'floor',
    run: async () => {
      files.prepare();
      return timed(async () => {
        await scatter.run();
        files.run();
      });
    },
  };
  try {
    return await interleave([job, floor], rounds, (round, values) => {
      if (round % 40 !== 0) return;
      const words = [...values].map(([name, value]) => `${name} ${formatNumber(value)} ms`);
      options.say(`${HOSTS} hosts, round ${round + 1}: ${words.join(', ')}; load ${loadAverage()}`);
    });
  } finally {
    for (const peer of peers) peer.close();
    await scatter.stop();
    files.remove();
  }
}

async function measureRate(options: BenchOptions, bench: BenchCluster): Promise<Kept> {
  const rounds: Rounds = options.isQuick ? { count: 2, dropped: 1 } : { count: 6, dropped: 1 };
  const jobs = options.isQuick ? 200 : 1_000;
  const { manager } = bench.record;
  const queue = new BenchChild('synced-queue-process.js');
  try {
    const queueUrl = await queue.ask<string>('listen', join(bench.dir, 'queue'));
    const endings: number[] = [];
    const accept: Side = {
      name: 'accepted',
      run: async (round) => {
        const startedAt = performance.now();
        const url = `${manager.url}/api/v1/jobs`;
        const headers = headersFor(manager);
        const bodies = bodiesOf(jobs, round);
        const rate = await postAll({ url, headers, concurrency: CONCURRENCY, bodies });
        await whenNoJobRuns(manager);
        if (round >= rounds.dropped) endings.push((jobs * 1_000) / (performance.now() - startedAt));
        return rate;
      },
    };
    const floor: Side = {
      name: 'synced queue',
      run: (round) => {
        const bodies = bodiesOf(jobs, round);
        return postAll({ url: queueUrl, concurrency: CONCURRENCY, bodies });
      },
    };
    const kept = await interleave([accept, floor], rounds, (round, values) => {
      const words = [...values].map(([name, value]) => `${name} ${formatNumber(value)} a second`);
      options.say(`round ${round + 1}: ${words.join(', ')}; load ${loadAverage()}`);
    });
    return new Map([...kept, ['ended', endings]]);
  } finally {
    await queue.stop();
  }
}

/** Deletes of tasks that nobody holds, each of another. */
function bodiesOf(count: number, round: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const task_id = `${round}-${index}`.replace('-', 'f').padStart(64, '0');
    return JSON.stringify({ type: 'delete_task', args: { task_id } });
  });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function report(latencies: Kept, rates: Kept): PartReport {
  const sideOf = (kept: Kept, name: string): readonly number[] => kept.get(name) ?? [];
  const percent = (share: number): string => `p${share * 100}`;
  const ratios = SHARES.map((share): Finding => ({
    what: `job / floor, ${HOSTS} hosts, ${percent(share)}`,
    value: quantile(sideOf(latencies, 'job'), share) / quantile(sideOf(latencies, 'floor'), share),
    ...{ unit: '×', bound: 'most' },
  }));
  const accepted = median(sideOf(rates, 'accepted'));
  return {
    part: 'jobs',
    series: [
      ...[...latencies].flatMap(([name, values]) =>
        SHARES.map((share): Series => ({
          name: `${HOSTS} hosts, ${percent(share)} of ${values.length}: ${name}`,
          unit: 'ms',
          values: [quantile(values, share)],
        })),
      ),
      ...[...rates].map(([name, values]): Series => ({ name, unit: '/s', values })),
    ],
    findings: [
      ...ratios,
      {
        what: `accepted / synced queue, ${CONCURRENCY} at once`,
        value: accepted / median(sideOf(rates, 'synced queue')),
        ...{ unit: '×', bound: 'least' },
      },
    ],
    notes: [
      `${HOSTS} hosts, each a process; 1 scheduler. Job: from POST /jobs to the answer that says SUCCESS; its floor as in deletes.`,
      `Accepted: POST /jobs answered, ${CONCURRENCY} at once, deletes of tasks that nobody holds; ended: the same jobs until the last has its outcome.`,
      'Synced queue: a bare HTTP server that appends each body to a file and answers after a sync that it may share; same client.',
    ],
  };
}
