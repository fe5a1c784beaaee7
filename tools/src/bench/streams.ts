/** Thousands of hosts' streams on one scheduler: what they cost at rest, and how long one purge takes through all. */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeTempDir } from '@pondhawk/testing';
import { withCluster, type BenchCluster } from './bench-cluster.js';
import { BenchChild } from './bench-child.js';
import { runJob } from './bench-jobs.js';
import type { BenchOptions } from './bench-options.js';
import { collectable, readCollected } from './collected-memory.js';
import { loadAverage, processorSeconds } from './machine.js';
import { formatNumber, type PartReport, type Series } from './report.js';
import { interleave, median, type Rounds, type Side } from './statistics.js';

const KIB_GOAL = 40;
const SECONDS_GOAL = 1;
const ANNOUNCE_INTERVAL_MS = 10_000;
/** Before memory is read, and before the scheduler is called idle. */
const SETTLE_MS = 3_000;
/** The daemon has run its code, compiled some of it, and opened its pools before memory is first read. */
const WARM_UP_STREAMS = 50;

interface Rest {
  readonly kibPerStream: number;
  readonly heapKibPerStream: number;
  readonly processorPercent: number;
  readonly announcingPercent: number;
  readonly leases: Leases;
}

/** As the hosts counted them over the time at rest. */
interface Leases {
  readonly granted: number;
  readonly refused: number;
  /** Hosts that had one at the end of that time. */
  readonly held: number;
}

interface Input {
  readonly bench: BenchCluster;
  readonly bare: BenchChild;
  readonly streams: number;
  readonly restMs: number;
  readonly rounds: Rounds;
}

/** Measures it: simulated hosts in processes of their own, at a scheduler and at a bare server. */
export async function benchStreams(options: BenchOptions): Promise<PartReport> {
  const { isQuick } = options;
  const streams = isQuick ? 100 : 3_000;
  const restMs = isQuick ? 2_000 : 20_000;
  const rounds = isQuick ? { count: 3, dropped: 1 } : { count: 9, dropped: 2 };
  const folder = await makeTempDir();
  const memoryFile = join(folder.path, 'memory');
  const env = { 'scheduler-1': collectable(memoryFile) };
  const shape = { schedulers: 1, seeds: 0, peers: 0, env };
  const bare = new BenchChild('bare-streams-process.js', {
    env: collectable(`${memoryFile}-bare`),
  });
  try {
    return await withCluster(options, shape, async (bench) => {
      const input = { bench, bare, streams, restMs, rounds };
      return measure(options, { ...input, memoryFile });
    });
  } finally {
    await bare.stop();
    await folder.remove();
  }
}

async function measure(
  options: BenchOptions,
  input: Input & { readonly memoryFile: string },
): Promise<PartReport> {
  const { bench, bare, streams, memoryFile } = input;
  const scheduler = bench.cluster.record('scheduler-1');
  const bareAddress = await bare.ask<string>('listen');
  const atScheduler = new BenchChild('simulated-hosts-process.js');
  const atBare = new BenchChild('simulated-hosts-process.js');
  try {
    const rest = await measureRest(options, {
      ...{ streams, restMs: input.restMs, hosts: atScheduler, isAnnouncing: true },
      ...{ pid: scheduler.pid, address: scheduler.addresses['grpc'] ?? '', file: memoryFile },
    });
    const bareRest = await measureRest(options, {
      ...{ streams, restMs: input.restMs, hosts: atBare, isAnnouncing: false },
      ...{ pid: bare.pid, address: bareAddress, file: `${memoryFile}-bare` },
    });
    await atBare.ask('hush'); // Its leases would only take the processor from the other side.
    const kept = await measurePurges(options, input);
    return report({ streams, restMs: input.restMs, rest, bareRest, kept });
  } finally {
    await atScheduler.stop();
    await atBare.stop();
  }
}

async function measureRest(
  options: BenchOptions,
  input: {
    readonly hosts: BenchChild;
    readonly streams: number;
    readonly restMs: number;
    readonly pid: number;
    readonly address: string;
    readonly file: string;
    readonly isAnnouncing: boolean;
  },
): Promise<Rest> {
  const { hosts, streams, restMs, pid, address, file, isAnnouncing } = input;
  await hosts.ask('open', { address, name: 'first', count: WARM_UP_STREAMS });
  await sleep(SETTLE_MS);
  const before = await readCollected(pid, file);
  await hosts.ask('open', { address, name: 'sim', count: streams - WARM_UP_STREAMS });
  await sleep(SETTLE_MS);
  const after = await readCollected(pid, file);
  const added = streams - WARM_UP_STREAMS;
  const kibPerStream = (after.residentKib - before.residentKib) / added;
  const heapKibPerStream = (after.heapKib - before.heapKib) / added;
  options.say(`${streams} streams, ${formatNumber(kibPerStream)} KiB each; load ${loadAverage()}`);
  await hosts.ask<Leases>('leases');
  const processorPercent = await processorShare(pid, restMs);
  const leases = await hosts.ask<Leases>('leases');
  const { granted, refused, held } = leases;
  options.say(
    `${formatNumber(processorPercent)} % at rest; ${held} hosts have a lease, ${granted} granted, ${refused} refused`,
  );
  if (!isAnnouncing) {
    return { kibPerStream, heapKibPerStream, processorPercent, announcingPercent: 0, leases };
  }
  await hosts.ask('announce', ANNOUNCE_INTERVAL_MS);
  await sleep(Math.min(restMs, ANNOUNCE_INTERVAL_MS));
  const announcingPercent = await processorShare(pid, restMs);
  return { kibPerStream, heapKibPerStream, processorPercent, announcingPercent, leases };
}

/** Processor time that a process uses over a while, as a share of one core, in percent. */
async function processorShare(pid: number, ms: number): Promise<number> {
  const usedBefore = await processorSeconds(pid);
  const startedAt = performance.now();
  await sleep(ms);
  const seconds = (performance.now() - startedAt) / 1_000;
  return (((await processorSeconds(pid)) - usedBefore) / seconds) * 100;
}

async function measurePurges(
  options: BenchOptions,
  { bench, bare, streams, rounds }: Input,
): Promise<Map<string, number[]>> {
  const { manager } = bench.record;
  const job: Side = {
    name: 'job',
    run: async (round) => {
      const startedAt = performance.now();
      const args = { task_id: String(round).padStart(64, '0') };
      const { result } = await runJob(manager, { type: 'delete_task', args });
      if (result.counts.targets !== streams)
        throw new Error(`${result.counts.targets} of ${streams} hosts were asked.`);
      return performance.now() - startedAt;
    },
  };
  const floor: Side = { name: 'bare streams', run: () => bare.ask<number>('broadcast') };
  return interleave([job, floor], rounds, (round, values) => {
    const words = [...values].map(([name, value]) => `${name} ${formatNumber(value)} ms`);
    options.say(`round ${round + 1}: ${words.join(', ')}; load ${loadAverage()}`);
  });
}

function perSecond(count: number, ms: number): number {
  return count / (ms / 1_000);
}

function report(input: {
  readonly streams: number;
  readonly restMs: number;
  readonly rest: Rest;
  readonly bareRest: Rest;
  readonly kept: ReadonlyMap<string, readonly number[]>;
}): PartReport {
  const { streams, restMs, rest, bareRest, kept } = input;
  const timeOf = (side: string): number => median(kept.get(side) ?? []);
  const one = (name: string, unit: Series['unit'], value: number): Series => ({
    ...{ name, unit, values: [value] },
  });
  return {
    part: 'streams',
    series: [
      one('memory of a stream: scheduler', 'KiB', rest.kibPerStream),
      one('memory of a stream: bare server', 'KiB', bareRest.kibPerStream),
      one('of it on the heap: scheduler', 'KiB', rest.heapKibPerStream),
      one('of it on the heap: bare server', 'KiB', bareRest.heapKibPerStream),
      one('processor at rest: scheduler', '%', rest.processorPercent),
      one('processor at rest: bare server', '%', bareRest.processorPercent),
      one('hosts with a lease at rest', '%', (rest.leases.held / streams) * 100),
      one('leases granted at rest', '/s', perSecond(rest.leases.granted, restMs)),
      one('lease requests refused at rest', '/s', perSecond(rest.leases.refused, restMs)),
      one('processor while hosts announce', '%', rest.announcingPercent),
      ...[...kept].map(([name, values]): Series => ({
        ...{ name: `one entry to all and back: ${name}`, unit: 'ms', values },
      })),
    ],
    findings: [
      {
        what: 'memory of a stream',
        ...{ value: rest.kibPerStream, unit: 'KiB', goal: KIB_GOAL, bound: 'most' },
      },
      {
        what: 'memory, scheduler / bare server',
        ...{ value: rest.kibPerStream / bareRest.kibPerStream, unit: '×', bound: 'most' },
      },
      {
        what: 'leases at rest, processor: scheduler / bare server',
        ...{ value: rest.processorPercent / bareRest.processorPercent, unit: '×', bound: 'most' },
      },
      {
        what: `one purge, ${streams} hosts`,
        ...{ value: timeOf('job') / 1_000, unit: 's', goal: SECONDS_GOAL, bound: 'most' },
      },
      {
        what: `one purge, job / bare streams`,
        ...{ value: timeOf('job') / timeOf('bare streams'), unit: '×', bound: 'most' },
      },
    ],
    notes: [
      `${streams} simulated hosts in a process of their own, each on a connection of its own; 1 scheduler.`,
      'Memory: resident, after a garbage collection, with all streams less with the first 50. Bare server: the same streams on the same gRPC server, nothing behind them.',
      `Processor: of one core, over ${ANNOUNCE_INTERVAL_MS / 500} s; each host asks for a lease every second, and announces itself every ${ANNOUNCE_INTERVAL_MS / 1_000} s where it says so. The bare server grants without looking.`,
      'One purge: from POST /jobs to the answer that says SUCCESS and counts all hosts; bare streams: one message to each, one back.',
    ],
  };
}
