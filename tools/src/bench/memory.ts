/** Memory of each daemon at rest, and after a large file went through. */

import { setTimeout as sleep } from 'node:timers/promises';
import { withCluster, writeOriginFile, type BenchCluster } from './bench-cluster.js';
import { MIB, type BenchOptions } from './bench-options.js';
import { BenchPeer } from './bench-peer.js';
import { residentMib } from './machine.js';
import type { PartReport, Series } from './report.js';

const GOAL_MIB = 150;
/** Between the start of a cluster, or the end of a download, and the reading. */
const REST_MS = 3_000;

/** Measures it: the seed peer fetches from the origin, the peers from it and from each other. */
export async function benchMemory(options: BenchOptions): Promise<PartReport> {
  const sizeBytes = (options.isQuick ? 64 : 1024) * MIB;
  return withCluster(options, { schedulers: 1, seeds: 1, peers: 2 }, async (bench) => {
    const { url } = await writeOriginFile(bench, 'large.bin', sizeBytes);
    await sleep(REST_MS);
    const atRest = await readMemory(bench);
    for (const name of ['peer-1', 'peer-2']) {
      const peer = new BenchPeer(bench.cluster.record(name));
      try {
        await peer.download(url);
        options.say(`${name} has ${sizeBytes / MIB} MiB`);
      } finally {
        peer.close();
      }
    }
    await sleep(REST_MS);
    return report({ atRest, after: await readMemory(bench), sizeBytes });
  });
}

/** MiB by name of the process. */
type Reading = ReadonlyMap<string, number>;

async function readMemory({ record }: BenchCluster): Promise<Reading> {
  const read = record.processes.map(
    async ({ name, pid }) => [name, await residentMib(pid)] as const,
  );
  return new Map(await Promise.all(read));
}

function report(readings: {
  readonly atRest: Reading;
  readonly after: Reading;
  readonly sizeBytes: number;
}): PartReport {
  const { atRest, after, sizeBytes } = readings;
  const own = [...after].filter(([name]) => name !== 'nats');
  const series = [...after].map(([name, mib]): Series => ({
    name,
    unit: 'MiB',
    values: [atRest.get(name) ?? Number.NaN, mib],
  }));
  return {
    part: 'memory',
    series,
    findings: own.map(([name, value]) => ({
      what: `${name} after ${sizeBytes / MIB} MiB`,
      ...{ value, unit: 'MiB', goal: GOAL_MIB, bound: 'most' },
    })),
    notes: [
      `Resident memory (VmRSS) ${REST_MS / 1_000} s after the start, and as long after the last download.`,
      'peer-1 is served by the seed peer while that fetches from the origin; then peer-2 fetches from both.',
    ],
  };
}
