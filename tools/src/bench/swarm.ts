/** One file to eight peers at once, when nobody sends more than a cap. */

import { withCluster, writeOriginFile, type BenchCluster } from './bench-cluster.js';
import { MIB, type BenchOptions } from './bench-options.js';
import { BenchPeer, type DownloadReceipt } from './bench-peer.js';
import { loadAverage } from './machine.js';
import { formatNumber, type PartReport } from './report.js';
import { median } from './statistics.js';

const PEERS = 8;
const CAP_BYTES_PER_SECOND = 16 * MIB;

interface Round {
  readonly seconds: number;
  readonly originMib: number;
  /** What the seed sent; the peers sent each other the rest. */
  readonly seedMib: number;
}

/** Measures it. */
export async function benchSwarm(options: BenchOptions): Promise<PartReport> {
  const sizeBytes = (options.isQuick ? 64 : 256) * MIB;
  const rounds = options.isQuick ? 1 : 3;
  const names = Array.from({ length: PEERS }, (_, index) => `peer-${index + 1}`);
  const cap = { PONDHAWK_PEER_UPLOAD_RATE_LIMIT_BYTES_PER_SECOND: String(CAP_BYTES_PER_SECOND) };
  const env = Object.fromEntries([...names, 'seed-1'].map((name) => [name, cap]));
  return withCluster(options, { schedulers: 1, seeds: 1, peers: PEERS, env }, async (bench) => {
    const perfect = perfectSeconds(sizeBytes, PEERS);
    const taken: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      const result = await play(bench, { name: `swarm-${round}.bin`, sizeBytes, names });
      taken.push(result);
      const share = formatNumber(perfect / result.seconds);
      options.say(
        `round ${round + 1}: all after ${formatNumber(result.seconds)} s, ${share} of the cap, ` +
          `${formatNumber(result.seedMib)} MiB from the seed, ` +
          `${formatNumber(result.originMib)} from the origin; load ${loadAverage()}`,
      );
    }
    return report(taken, sizeBytes);
  });
}

/**
 * What no swarm can beat when each sender, the seed and every peer, sends at most the cap: each
 * byte has to leave the seed once, and all copies together have to leave the senders.
 */
export function perfectSeconds(sizeBytes: number, peers: number): number {
  const fromSeed = sizeBytes / CAP_BYTES_PER_SECOND;
  const fromAll = (peers * sizeBytes) / ((peers + 1) * CAP_BYTES_PER_SECOND);
  return Math.max(fromSeed, fromAll);
}

/** The seed has the file; all peers ask in the same instant. Each round has a file of its own. */
async function play(
  bench: BenchCluster,
  {
    name,
    sizeBytes,
    names,
  }: { readonly name: string; readonly sizeBytes: number; readonly names: readonly string[] },
): Promise<Round> {
  const { url } = await writeOriginFile(bench, name, sizeBytes);
  const seed = new BenchPeer(bench.cluster.record('seed-1'));
  const peers = names.map((peer) => new BenchPeer(bench.cluster.record(peer)));
  try {
    await seed.download(url);
    const sentBefore = await seed.sentBytes();
    const startedAt = performance.now();
    const receipts = await Promise.all(peers.map((peer) => peer.download(url)));
    const seconds = (performance.now() - startedAt) / 1_000;
    await Promise.all([seed, ...peers].map((peer) => peer.deleteTask(receipts[0]?.taskId ?? '')));
    const seedMib = ((await seed.sentBytes()) - sentBefore) / MIB;
    return { seconds, originMib: originBytes(receipts) / MIB, seedMib };
  } finally {
    for (const peer of [seed, ...peers]) peer.close();
  }
}

function originBytes(receipts: readonly DownloadReceipt[]): number {
  return receipts.reduce((sum, receipt) => sum + receipt.originBytes, 0);
}

function report(rounds: readonly Round[], sizeBytes: number): PartReport {
  const perfect = perfectSeconds(sizeBytes, PEERS);
  const seconds = rounds.map((round) => round.seconds);
  return {
    part: 'swarm',
    series: [
      { name: 'last of 8 peers', unit: 's', values: seconds },
      { name: 'from the seed', unit: 'MiB', values: rounds.map((round) => round.seedMib) },
      { name: 'from the origin', unit: 'MiB', values: rounds.map((round) => round.originMib) },
    ],
    findings: [
      {
        what: `${PEERS} peers, share of the cap`,
        ...{ value: perfect / median(seconds), unit: '', goal: 0.75, bound: 'least' },
      },
    ],
    notes: [
      `${sizeBytes / MIB} MiB. The seed peer has it; it and each peer send at most ${CAP_BYTES_PER_SECOND / MIB} MiB/s.`,
      `The share is ${formatNumber(perfect)} s, which no swarm can beat as each byte has to leave the seed once, through the time until the last peer's copy is complete and synced.`,
      'Bytes that peers fetched from the origin, which has no cap, are shown beside: they would flatter the share.',
    ],
  };
}
