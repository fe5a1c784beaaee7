/** One job that deletes a task held by N hosts, beside a loop that calls each host in turn. */

import { setTimeout as sleep } from 'node:timers/promises';
import { waitForHosts, withCluster, writeOriginFile, type BenchCluster } from './bench-cluster.js';
import { deleteByJob } from './bench-jobs.js';
import { MIB, type BenchOptions } from './bench-options.js';
import { BenchPeer } from './bench-peer.js';
import { DelayedHosts } from './delayed-hosts.js';
import { loadAverage } from './machine.js';
import { formatNumber, type Finding, type PartReport, type Series } from './report.js';
import { interleave, median, type Side } from './statistics.js';

const COPY_BYTES = MIB;
const ADDED_MS = 10;
const GOAL = 1.8;
const GOAL_WITH_ADDED = 10;
/** Downloads at once while copies are spread; more would only fill this machine's queue. */
const DOWNLOADS_AT_ONCE = 4;
/** What downloads leave behind, such as announcements, is done after so long. */
const SETTLE_MS = 500;
const STOP_GRACE_MS = 10_000;

/** How long the deletion of one size took, in ms, by the name of the side. */
interface Measured {
  readonly hosts: number;
  readonly addedMs: number;
  readonly kept: ReadonlyMap<string, readonly number[]>;
}

/** Measures it: a cluster of the largest size, whose peers are then stopped down to the smaller one. */
export async function benchDeletes(options: BenchOptions): Promise<PartReport> {
  const sizes = options.isQuick ? [6, 3] : [50, 10];
  const measured: Measured[] = [];
  for (const addedMs of [0, ADDED_MS]) {
    measured.push(...(await measureSizes(options, { sizes, addedMs })));
  }
  return report(measured);
}

async function measureSizes(
  options: BenchOptions,
  plan: { readonly sizes: readonly number[]; readonly addedMs: number },
): Promise<Measured[]> {
  const peers = Math.max(...plan.sizes);
  const delayed = plan.addedMs > 0 ? new DelayedHosts(plan.addedMs) : undefined;
  const env = delayed?.environment(peers) ?? {};
  options.say(`${peers} hosts start, ${plan.addedMs} ms added to each call`);
  try {
    return await withCluster(
      options,
      {
        ...{ schedulers: 2, seeds: 0, peers, env },
        onStart: async ({ processes }) =>
          delayed?.start(processes.filter(({ role }) => role === 'peer')),
      },
      async (bench) => {
        const measured: Measured[] = [];
        for (const hosts of plan.sizes) {
          await shrinkTo(bench, hosts);
          const kept = await measure(options, { bench, hosts, delayed });
          measured.push({ hosts, addedMs: plan.addedMs, kept });
        }
        return measured;
      },
    );
  } finally {
    await delayed?.stop();
  }
}

/** Stops the peers beyond so many, in order, so that they say goodbye. */
async function shrinkTo({ cluster, record }: BenchCluster, hosts: number): Promise<void> {
  const running = record.processes.filter(
    ({ name, role }) => role === 'peer' && cluster.getProcess(name).getEnd() === undefined,
  );
  const surplus = running.slice(hosts);
  await Promise.all(surplus.map(({ name }) => cluster.getProcess(name).stop(STOP_GRACE_MS)));
  await waitForHosts(record.manager.url, hosts);
}

async function measure(
  options: BenchOptions,
  input: {
    readonly bench: BenchCluster;
    readonly hosts: number;
    readonly delayed: DelayedHosts | undefined;
  },
): Promise<Map<string, number[]>> {
  const { bench, hosts, delayed } = input;
  const rounds = options.isQuick ? { count: 3, dropped: 1 } : { count: 8, dropped: 1 };
  const records = bench.record.processes.filter(({ role }) => role === 'peer').slice(0, hosts);
  const peers = records.map((record) => new BenchPeer(record, delayed?.addressOf(record)));
  const timed = async (
    name: string,
    remove: (taskId: string) => Promise<void>,
  ): Promise<number> => {
    const taskId = await spread(bench, peers, name);
    const startedAt = performance.now();
    await remove(taskId);
    return performance.now() - startedAt;
  };
  const sides: Side[] = [
    {
      name: 'loop',
      run: (round) =>
        timed(`loop-${hosts}-${round}`, async (taskId) => {
          for (const peer of peers) await peer.deleteTask(taskId);
        }),
    },
    {
      name: 'job',
      run: (round) =>
        timed(`job-${hosts}-${round}`, (taskId) =>
          deleteByJob(bench.record.manager.url, taskId, hosts),
        ),
    },
  ];
  try {
    return await interleave(sides, rounds, (round, values) => {
      const words = [...values].map(([name, value]) => `${name} ${formatNumber(value)} ms`);
      options.say(`${hosts} hosts, round ${round + 1}: ${words.join(', ')}; load ${loadAverage()}`);
    });
  } finally {
    for (const peer of peers) peer.close();
  }
}

/** Brings a new task to every peer. @returns its id. */
async function spread(
  bench: BenchCluster,
  peers: readonly BenchPeer[],
  name: string,
): Promise<string> {
  const { url } = await writeOriginFile(bench, name, COPY_BYTES);
  const queue = peers.values();
  let taskId = '';
  const worker = async (): Promise<void> => {
    for (const peer of queue) taskId = (await peer.download(url)).taskId;
  };
  await Promise.all(Array.from({ length: DOWNLOADS_AT_ONCE }, worker));
  await sleep(SETTLE_MS);
  return taskId;
}

function report(measured: readonly Measured[]): PartReport {
  const label = ({ hosts, addedMs }: Measured): string =>
    `${hosts} hosts${addedMs === 0 ? '' : `, ${addedMs} ms added`}`;
  return {
    part: 'deletes',
    series: measured.flatMap((one) =>
      [...one.kept].map(([name, values]): Series => ({
        name: `${label(one)}: ${name}`,
        unit: 'ms',
        values,
      })),
    ),
    findings: measured.map((one): Finding => {
      const time = (side: string): number => median(one.kept.get(side) ?? []);
      return {
        what: `loop / job, ${label(one)}`,
        value: time('loop') / time('job'),
        unit: '×',
        goal: one.addedMs === 0 ? GOAL : GOAL_WITH_ADDED,
        bound: 'least',
      };
    }),
    notes: [
      `Copies of ${COPY_BYTES / MIB} MiB, a new task each time. Every host is a process of its own; 2 schedulers.`,
      'Job: from POST /jobs to the answer that says SUCCESS (GET ?wait). Loop: DeleteTask on each host in turn, channels open before.',
      `The ${ADDED_MS} ms are added by a TCP relay before each host, which both sides go through.`,
    ],
  };
}
