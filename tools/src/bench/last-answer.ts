/** How long after the last host's answer a client of the events knows that the job has succeeded. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchChild } from './bench-child.js';
import type { BenchCluster } from './bench-cluster.js';
import { createJob, deleteBody, readJob } from './bench-jobs.js';
import type { BenchOptions } from './bench-options.js';
import { EventStream } from './event-stream.js';
import { loadAverage } from './machine.js';
import { formatNumber } from './report.js';
import type { Release } from './simulated-hosts-process.js';
import { interleave, median, type Side } from './statistics.js';

const LOOK_MS = 5;

/** Simulated hosts of a cluster. */
export interface SimulatedFleet {
  readonly bench: BenchCluster;
  readonly hosts: BenchChild;
  readonly count: number;
}

/** Milliseconds, one a delete. */
export interface LastAnswers {
  /** One host answered after all others were recorded. */
  readonly lone: readonly number[];
  /** All hosts answered as soon as they could: the last answer waits its turn behind the others. */
  readonly inTurn: readonly number[];
}

/** Measures both, in turns. */
export async function measureLastAnswers(
  options: BenchOptions,
  fleet: SimulatedFleet,
): Promise<LastAnswers> {
  const sides: readonly Side[] = [
    { name: 'lone', run: (round) => afterLoneAnswer(fleet, 2 * round) },
    { name: 'inTurn', run: (round) => afterAllAnswers(fleet, 2 * round + 1) },
  ];
  const rounds = options.isQuick ? { count: 10, dropped: 2 } : { count: 220, dropped: 20 };
  const kept = await interleave(sides, rounds, () => undefined);
  const [lone, inTurn] = ['lone', 'inTurn'].map((name) => kept.get(name) ?? []);
  const words = [lone, inTurn].map((values) => formatNumber(median(values ?? []))).join(' and ');
  options.say(`seen after ${words} ms; load ${loadAverage()}`);
  return { lone: lone ?? [], inTurn: inTurn ?? [] };
}

async function afterLoneAnswer(
  { bench, hosts, count }: SimulatedFleet,
  index: number,
): Promise<number> {
  const { manager } = bench.record;
  await hosts.ask('hold');
  const job = await createJob(manager, deleteBody(index));
  const events = await EventStream.open(manager, job.id);
  // All others are in the ledger, not merely not named yet: they are not what is measured.
  while ((await readJob(manager, job.id)).result.counts.absent < count - 1) await sleep(LOOK_MS);
  const { heldCount, releasedAtMs } = await hosts.ask<Release>('release');
  if (heldCount !== 1) throw new Error(`The last host kept ${heldCount} answers back, not one.`);
  return (await events.ended) - releasedAtMs;
}

async function afterAllAnswers({ bench, hosts }: SimulatedFleet, index: number): Promise<number> {
  const { manager } = bench.record;
  const job = await createJob(manager, deleteBody(index));
  const events = await EventStream.open(manager, job.id);
  const endedAtMs = await events.ended;
  return endedAtMs - (await hosts.ask<number>('answered'));
}
