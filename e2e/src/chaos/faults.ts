/** What goes wrong: each fault begins, deletes something in the middle, and heals. */

import { setTimeout as sleep } from 'node:timers/promises';
import { BOUND_MS, type ChaosCluster } from './chaos-cluster.js';
import type { Load } from './load.js';
import type { PieceReader } from './piece-reader.js';
import type { SeededRandom } from './random.js';
import type { Recorder } from './recorder.js';

/** What a fault works on. */
export interface FaultParts {
  readonly cluster: ChaosCluster;
  readonly load: Load;
  readonly recorder: Recorder;
  readonly random: SeededRandom;
}

/** Resolves when everything is as it was, except that daemons may still find each other again. */
type Fault = (parts: FaultParts) => Promise<void>;

/** Before a kill: long enough for a purge to be at any of its steps. */
const MID_PURGE_MS = 60;
/** A manager waits 5 s for the lock, then gives reports back to the broker, from where they come in another order. */
const LOCKED_MS_MIN = 5_100;
const LOCKED_MS_MAX = 7_000;
/** Readers that stop reading, on one host. */
const SLOW_READERS = 4;
/** A host may be without a lease when it is asked. */
const SLOW_READER_TRIES = 5;
const SLOW_READER_TAKES_BYTES = 1;
/** For 4 MiB each: more than the buffers of a connection hold. */
const SLOW_READER_ASKS = 4;
/** By then the daemon has filled the buffers of a reader that does not read. */
const FILL_BUFFERS_MS = 300;

/** All kinds, by the name that the report gives them. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  'peer killed': async (parts) => killDuringPurge(parts, parts.random.pick(parts.cluster.hosts)),
  'scheduler killed': async (parts) =>
    killDuringPurge(parts, parts.random.pick(parts.cluster.schedulers)),
  'manager killed': async (parts) => killDuringPurge(parts, 'manager'),
  'broker lost': async ({ cluster, load, random }) => {
    const purged = load.purge(load.any());
    await sleep(random.between(0, MID_PURGE_MS));
    await cluster.loseBroker();
    await Promise.all([purged, load.purge(load.any())]);
  },
  'ledger locked': async ({ cluster, load, random }) => {
    const purged = load.purge(load.any());
    await sleep(random.between(0, MID_PURGE_MS));
    const unlock = cluster.lockLedger();
    try {
      await sleep(random.between(LOCKED_MS_MIN, LOCKED_MS_MAX));
    } finally {
      unlock();
    }
    await Promise.all([purged, load.purge(load.any())]);
  },
  'host cut off': async (parts) => cutDuringPurge(parts, parts.random.pick(parts.cluster.hosts)),
  'scheduler cut off': async (parts) =>
    cutDuringPurge(parts, parts.random.pick(parts.cluster.schedulers)),
  'host down during a purge': async ({ cluster, load, random }) => {
    const host = random.pick(cluster.hosts);
    const content = load.any();
    await load.download(host, content);
    await cluster.kill(host);
    await load.purge(content);
    await cluster.restart(host);
    await Promise.all([
      load.askAsStranger(load.parentOf(host), content),
      load.download(host, content),
    ]);
  },
  'host stopped': stopDuringUploads,
  'slow readers': readSlowly,
};

async function killDuringPurge({ cluster, load, random }: FaultParts, name: string): Promise<void> {
  const purged = load.purge(load.any());
  await sleep(random.between(0, MID_PURGE_MS));
  await cluster.kill(name);
  await sleep(random.between(0, BOUND_MS));
  await cluster.restart(name);
  await purged;
}

/** The cut lasts until the job has ended, and longer than leases; the host is asked all the while. */
async function cutDuringPurge({ cluster, load, random }: FaultParts, name: string): Promise<void> {
  const content = load.any();
  const host = cluster.hosts.includes(name) ? name : random.pick(cluster.hosts);
  await load.download(host, content);
  cluster.cut(name);
  try {
    await sleep(random.between(0, BOUND_MS / 2));
    await load.purge(content);
    await load.askAsStranger(load.parentOf(host), content);
    await load.download(host, content);
    await sleep(random.between(0, BOUND_MS));
  } finally {
    cluster.heal(name, random.pick(['go-on', 'break']));
  }
}

async function stopDuringUploads(parts: FaultParts): Promise<void> {
  const { cluster, load, recorder, random } = parts;
  const host = random.pick(cluster.hosts);
  const readers = await openSlowReaders(parts, host);
  const others = ask(parts, host);
  cluster.pause(host);
  recorder.noteStopped(host);
  try {
    await Promise.all([load.purge(load.big), sleep(BOUND_MS * 1.2)]);
    // Some take what the kernel holds before the host goes on, so that it finds room to write.
    readers.slice(random.between(0, 2)).forEach((reader) => reader.resume());
    await sleep(random.between(0, 100));
  } finally {
    cluster.resume(host);
    recorder.noteContinued(host);
  }
  await endAll(parts, host, readers);
  await others;
}

async function readSlowly(parts: FaultParts): Promise<void> {
  const { load, random, cluster } = parts;
  const host = random.pick(cluster.hosts);
  const readers = await openSlowReaders(parts, host);
  await load.purge(load.big);
  await sleep(random.between(0, FILL_BUFFERS_MS));
  await endAll(parts, host, readers);
}

async function ask({ load }: FaultParts, host: string): Promise<void> {
  await load.askAsStranger(load.parentOf(host), load.any());
}

/**
 * Readers of the big content that have stopped reading, with their buffers full; none, if the host gives
 * no piece in a few tries.
 */
async function openSlowReaders({ load }: FaultParts, host: string): Promise<PieceReader[]> {
  for (let tries = 0; tries < SLOW_READER_TRIES; tries += 1) {
    await load.download(host, load.big);
    const readers = Array.from({ length: SLOW_READERS }, (_, index) =>
      load.openPiece(load.parentOf(host), load.big, {
        pieceNumber: index % load.big.pieces,
        times: SLOW_READER_ASKS,
        takesBytes: SLOW_READER_TAKES_BYTES,
      }),
    );
    await sleep(FILL_BUFFERS_MS);
    const slow = readers.filter((reader) => reader !== undefined);
    if (slow.some(({ hasPaused }) => hasPaused)) return slow;
    await Promise.all(slow.map(async ({ ended }) => ended));
  }
  return [];
}

/** What their connections still bring; those that neither end nor bring anything were not reset. */
async function endAll(
  { recorder }: FaultParts,
  host: string,
  readers: readonly PieceReader[],
): Promise<void> {
  readers.forEach((reader) => reader.resume());
  for (const end of await Promise.all(readers.map(async ({ ended }) => ended))) {
    recorder.noteSlowReader(end);
    if (end === 'silent') recorder.fault(`${host} did not reset the connection of a slow reader.`);
  }
}
