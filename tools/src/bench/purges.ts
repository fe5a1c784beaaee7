/** How soon a purge's end is seen, how many a second go through, and what one hung host costs the others. */

import { setTimeout as sleep } from 'node:timers/promises';
import { withCluster, writeOriginFile, waitForHosts, type BenchCluster } from './bench-cluster.js';
import { BenchChild } from './bench-child.js';
import { createJob, deleteBody, readJob, runJob, whenEnded } from './bench-jobs.js';
import { KIB, type BenchOptions } from './bench-options.js';
import { BenchPeer } from './bench-peer.js';
import { HostFarm } from './host-farm.js';
import { measureLastAnswers, type LastAnswers, type SimulatedFleet } from './last-answer.js';
import { loadAverage } from './machine.js';
import { formatNumber, type PartReport, type Series } from './report.js';
import { ScatterGather } from './scatter-gather.js';
import { interleave, median, quantile, type Rounds, type Side } from './statistics.js';

const SEEN_MS_GOAL = 50;
const HUNG_GOAL = 1.1;
const COPY_BYTES = 64 * KIB;
/** Jobs under way at once while their rate is measured. */
const JOBS_AT_ONCE = 16;
/** The host that is stopped is a process of its own. */
const HUNG_HOST = 'peer-1';
const LOOK_MS = 5;
const SETTLE_MS = 700;

type Kept = ReadonlyMap<string, readonly number[]>;

/** Measures all three. */
export async function benchPurges(options: BenchOptions): Promise<PartReport> {
  const simulated = options.isQuick ? 20 : 500;
  const farm = options.isQuick ? 4 : 50;
  const steady = await measureSteady(options, simulated);
  const hung = await measureHung(options, farm);
  return report({ simulated, farm, ...steady, hung });
}

interface Steady {
  readonly seen: LastAnswers;
  readonly rates: Kept;
  /** Share of the hosts that had a lease at the end. */
  readonly heldShare: number;
}

async function measureSteady(options: BenchOptions, count: number): Promise<Steady> {
  const shape = { schedulers: 1, seeds: 0, peers: 0 };
  return withCluster(options, shape, async (bench) => {
    const hosts = new BenchChild('simulated-hosts-process.js');
    try {
      const address = bench.cluster.record('scheduler-1').addresses['grpc'] ?? '';
      await hosts.ask('open', { address, name: 'sim', count });
      const fleet: SimulatedFleet = { bench, hosts, count };
      const seen = await measureLastAnswers(options, fleet);
      const rates = await measureRate(options, fleet);
      const { held } = await hosts.ask<{ readonly held: number }>('leases');
      return { seen, rates, heldShare: held / count };
    } finally {
      await hosts.stop();
    }
  });
}

async function measureRate(options: BenchOptions, { bench, count }: SimulatedFleet): Promise<Kept> {
  const { manager, nats } = bench.record;
  const rounds: Rounds = options.isQuick ? { count: 2, dropped: 1 } : { count: 8, dropped: 1 };
  const jobs = options.isQuick ? 20 : 100;
  const scatter = await ScatterGather.start(nats.url, count);
  const purges: Side = {
    name: 'purges',
    run: (round) =>
      rateOf(jobs, async (index) => {
        const { result } = await runJob(manager, deleteBody(1_000 + round * jobs + index));
        if (result.counts.targets !== count)
          throw new Error(`${result.counts.targets} of ${count} hosts were asked.`);
      }),
  };
  // One after another: the answers of two would be one more floor to be explained.
  const floor: Side = {
    name: 'scatter and gather',
    run: () => rateOf(jobs, () => scatter.run(), 1),
  };
  try {
    return await interleave([purges, floor], rounds, (round, values) => {
      const words = [...values].map(([name, value]) => `${name} ${formatNumber(value)} a second`);
      options.say(`round ${round + 1}: ${words.join(', ')}; load ${loadAverage()}`);
    });
  } finally {
    await scatter.stop();
  }
}

async function rateOf(
  count: number,
  work: (index: number) => Promise<void>,
  atOnce = JOBS_AT_ONCE,
): Promise<number> {
  const queue = Array.from({ length: count }, (_, index) => index).values();
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    for (const index of queue) await work(index);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return (count * 1_000) / (performance.now() - startedAt);
}

/** Until all others have deleted, with one more host that answers, and with the same host stopped. */
async function measureHung(options: BenchOptions, count: number): Promise<Kept> {
  const rounds: Rounds = options.isQuick ? { count: 3, dropped: 1 } : { count: 8, dropped: 1 };
  const { projectDir } = options;
  return withCluster(options, { schedulers: 1, seeds: 0, peers: 1 }, async (bench) => {
    const farm = await HostFarm.start({ projectDir, bench, count, addedMs: 0 });
    try {
      await waitForHosts(bench.record.manager, count + 1);
      const sides = ['healthy', 'hung'].map((name): Side => ({
        name,
        run: (round) => deleteOnce(bench, farm, { name, round, isHung: name === 'hung' }),
      }));
      return await interleave(sides, rounds, (round, values) => {
        const words = [...values].map(([name, value]) => `${name} ${formatNumber(value)} ms`);
        options.say(`round ${round + 1}: ${words.join(', ')}; load ${loadAverage()}`);
      });
    } finally {
      await farm.stop();
    }
  });
}

async function deleteOnce(
  bench: BenchCluster,
  farm: HostFarm,
  {
    name,
    round,
    isHung,
  }: { readonly name: string; readonly round: number; readonly isHung: boolean },
): Promise<number> {
  const { manager } = bench.record;
  const { url } = await writeOriginFile(bench, `${name}-${round}`, COPY_BYTES);
  const own = new BenchPeer(bench.cluster.record(HUNG_HOST));
  const peers = [own, ...farm.hosts.map((host) => new BenchPeer(host, host.calledAt))];
  let taskId = '';
  for (const peer of peers) taskId = (await peer.download(url)).taskId;
  await sleep(SETTLE_MS);
  const process = bench.cluster.getProcess(HUNG_HOST);
  if (isHung) process.kill('SIGSTOP');
  try {
    const startedAt = performance.now();
    const job = await createJob(manager, { type: 'delete_task', args: { task_id: taskId } });
    const others = farm.hosts.length;
    while ((await readJob(manager, job.id)).result.counts.deleted < others) await sleep(LOOK_MS);
    const ms = performance.now() - startedAt;
    process.kill('SIGCONT');
    await whenEnded(manager, job);
    return ms;
  } finally {
    process.kill('SIGCONT');
    for (const peer of peers) peer.close();
  }
}

function report(
  input: { readonly simulated: number; readonly farm: number; readonly hung: Kept } & Steady,
): PartReport {
  const { simulated, farm, seen, rates, heldShare, hung } = input;
  const of = (kept: Kept, side: string): number => median(kept.get(side) ?? []);
  const series = (kept: Kept, unit: Series['unit']): Series[] =>
    [...kept].map(([name, values]) => ({ name, unit, values }));
  return {
    part: 'purges',
    series: [
      ...quantiles('last answer to SUCCESS', seen.lone),
      ...quantiles('the same, all in turn', seen.inTurn),
      ...series(rates, '/s'),
      { name: 'hosts with a lease meanwhile', unit: '%', values: [heldShare * 100] },
      ...series(hung, 'ms'),
    ],
    findings: [
      {
        what: 'last answer to SUCCESS at a client of the events, p99',
        ...{ value: quantile(seen.lone, 0.99), unit: 'ms', goal: SEEN_MS_GOAL, bound: 'most' },
      },
      {
        what: 'the same, when the last is one of all that answer at once',
        ...{ value: quantile(seen.inTurn, 0.99), unit: 'ms', goal: SEEN_MS_GOAL, bound: 'most' },
      },
      {
        what: `purges a second, ${simulated} hosts / scatter and gather`,
        value: of(rates, 'purges') / of(rates, 'scatter and gather'),
        ...{ unit: '×', bound: 'least' },
      },
      {
        what: `${farm} hosts, one more hung / healthy`,
        value: of(hung, 'hung') / of(hung, 'healthy'),
        ...{ unit: '×', goal: HUNG_GOAL, bound: 'most' },
      },
    ],
    notes: [
      `${simulated} simulated hosts in a process of their own; 1 scheduler. Of ${seen.lone.length} deletes, one host keeps its answer back until all others are recorded; of as many, all answer at once, and the last waits behind the others in the scheduler.`,
      `Purges: deletes of tasks that nobody holds, ${JOBS_AT_ONCE} at once, each until the answer that says SUCCESS and counts all hosts. Scatter and gather: one NATS request that as many subscribers answer, one after another.`,
      `Hung: ${farm} whole daemons and one in a process of its own, which is stopped by SIGSTOP; from POST /jobs until the others have deleted their copies.`,
    ],
  };
}

function quantiles(name: string, values: readonly number[]): Series[] {
  return [0.5, 0.99].map((share) => ({
    name: `${name}, p${share * 100}`,
    unit: 'ms',
    values: [quantile(values, share)],
  }));
}
