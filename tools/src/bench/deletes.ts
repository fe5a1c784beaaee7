/** One job that deletes a task held by N hosts, beside its floor and beside a loop that calls each host in turn. */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForHosts, withCluster, writeOriginFile, type BenchCluster } from './bench-cluster.js';
import { deleteByJob } from './bench-jobs.js';
import { KIB, type BenchOptions } from './bench-options.js';
import { BenchPeer } from './bench-peer.js';
import { HostFarm } from './host-farm.js';
import { loadAverage } from './machine.js';
import { RelayedScheduler } from './relayed-scheduler.js';
import { formatNumber, type Finding, type PartReport, type Series } from './report.js';
import { ScatterGather, UnlinkLoop } from './scatter-gather.js';
import { interleave, median, type Rounds, type Side } from './statistics.js';

const COPY_BYTES = 64 * KIB;
const ADDED_MS = 10;
const FLOOR_GOAL = 1.5;
const LOOP_GOAL = 2.3;
const LOOP_GOAL_WITH_ADDED = 20;
/** Downloads at once while copies are spread; more would only fill this machine's queue. */
const DOWNLOADS_AT_ONCE = 4;
/** What downloads and deletions leave behind, such as announcements, is done after so long. */
const SETTLE_MS = 700;

/** How long the deletion of one size took, in ms, by the name of the side. */
interface Measured {
  readonly hosts: number;
  readonly addedMs: number;
  readonly kept: ReadonlyMap<string, readonly number[]>;
}

/** Sizes, largest first, with the rounds of each. */
interface Plan {
  readonly sizes: readonly { readonly hosts: number; readonly rounds: Rounds }[];
  readonly addedMs: number;
}

/** Measures it: hosts of the largest size, which then leave down to the next one. */
export async function benchDeletes(options: BenchOptions): Promise<PartReport> {
  const quick = { count: 3, dropped: 1 };
  const sizes = options.isQuick
    ? [
        { hosts: 6, rounds: quick },
        { hosts: 3, rounds: quick },
      ]
    : [
        { hosts: 500, rounds: { count: 8, dropped: 1 } },
        { hosts: 100, rounds: { count: 8, dropped: 1 } },
        { hosts: 10, rounds: { count: 8, dropped: 1 } },
      ];
  const measured: Measured[] = [];
  for (const addedMs of [0, ADDED_MS]) {
    measured.push(...(await measureSizes(options, { sizes, addedMs })));
  }
  return report(measured);
}

async function measureSizes(options: BenchOptions, plan: Plan): Promise<Measured[]> {
  const { sizes, addedMs } = plan;
  const count = Math.max(...sizes.map(({ hosts }) => hosts));
  options.say(`${count} hosts start, ${addedMs} ms added to each call`);
  const relayed = addedMs > 0 ? new RelayedScheduler(addedMs) : undefined;
  const shape = { schedulers: 1, seeds: 0, peers: 0, env: relayed?.environment ?? {} };
  try {
    return await withCluster(options, shape, async (bench) => {
      await relayed?.start(bench.record);
      const { projectDir } = options;
      const farm = await HostFarm.start({ projectDir, bench, count, addedMs });
      try {
        const measured: Measured[] = [];
        for (const { hosts, rounds } of sizes) {
          await farm.keep(hosts);
          await waitForHosts(bench.record.manager, hosts);
          const kept = await measure(options, { bench, farm, rounds, addedMs });
          measured.push({ hosts, addedMs, kept });
        }
        return measured;
      } finally {
        await farm.stop();
      }
    });
  } finally {
    await relayed?.stop();
  }
}

interface MeasureInput {
  readonly bench: BenchCluster;
  readonly farm: HostFarm;
  readonly rounds: Rounds;
  readonly addedMs: number;
}

async function measure(
  options: BenchOptions,
  { bench, farm, rounds, addedMs }: MeasureInput,
): Promise<Map<string, number[]>> {
  const count = farm.hosts.length;
  const peers = farm.hosts.map((host) => new BenchPeer(host, host.calledAt));
  const scatter = await ScatterGather.start(bench.record.nats.url, count);
  const files = new UnlinkLoop(join(bench.dir, 'floor'), { count, sizeBytes: COPY_BYTES });
  const held = async (name: string, remove: (taskId: string) => Promise<void>): Promise<number> => {
    const taskId = await spread(bench, peers, `${name}-${count}`);
    return timed(() => remove(taskId));
  };
  const loop: Side = {
    name: 'loop',
    run: (round) =>
      held(`loop-${round}`, async (taskId) => {
        for (const peer of peers) await peer.deleteTask(taskId);
      }),
  };
  const job: Side = {
    name: 'job',
    run: (round) =>
      held(`job-${round}`, (taskId) => deleteByJob(bench.record.manager, taskId, count)),
  };
  const floor: Side = {
    name: 'floor',
    run: async () => {
      files.prepare();
      await sleep(SETTLE_MS);
      return timed(async () => {
        await scatter.run();
        files.run();
      });
    },
  };
  try {
    // Nothing of the floor is far away.
    const sides = addedMs === 0 ? [floor, loop, job] : [loop, job];
    return await interleave(sides, rounds, (round, values) => {
      const words = [...values].map(([name, value]) => `${name} ${formatNumber(value)} ms`);
      options.say(`${count} hosts, round ${round + 1}: ${words.join(', ')}; load ${loadAverage()}`);
    });
  } finally {
    for (const peer of peers) peer.close();
    await scatter.stop();
    files.remove();
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
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
  const time = ({ kept }: Measured, side: string): number => median(kept.get(side) ?? []);
  const toFloor = measured
    .filter(({ kept }) => kept.has('floor'))
    .map((one): Finding => ({
      what: `job / floor, ${label(one)}`,
      value: time(one, 'job') / time(one, 'floor'),
      ...{ unit: '×', goal: FLOOR_GOAL, bound: 'most' },
    }));
  const toLoop = measured.map((one): Finding => ({
    what: `loop / job, ${label(one)}`,
    value: time(one, 'loop') / time(one, 'job'),
    ...{ unit: '×', goal: one.addedMs === 0 ? LOOP_GOAL : LOOP_GOAL_WITH_ADDED, bound: 'least' },
  }));
  return {
    part: 'deletes',
    series: measured.flatMap((one) =>
      [...one.kept].map(([name, values]): Series => ({
        name: `${label(one)}: ${name}`,
        unit: 'ms',
        values,
      })),
    ),
    findings: [...toFloor, ...toLoop],
    notes: [
      `Copies of ${COPY_BYTES / KIB} KiB, a new task each time; 1 scheduler. Hosts are whole daemons, several in a process.`,
      'Job: from POST /jobs to the answer that says SUCCESS (GET ?wait). Loop: DeleteTask on each host in turn, channels open before.',
      'Floor: one NATS request that as many subscribers answer, then as many unlinks, each with a sync of its folder.',
      `The ${ADDED_MS} ms are added on the way to a host, by relays, to calls as well as to what comes on its stream.`,
    ],
  };
}
