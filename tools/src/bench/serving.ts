/** What the check of the lease costs: the same content from a host under leases and from one that needs none. */

import { connect } from 'node:net';
import { join } from 'node:path';
import {
  CONTENT_CHUNKS_KEY,
  VortexReader,
  commonV2,
  dfdaemonV2,
  encodeVortexPacket,
} from '@pondhawk/contracts';
import { Metadata, callServerStream, createClient } from '@pondhawk/rpc';
import { withCluster, writeOriginFile } from './bench-cluster.js';
import { MIB, type BenchOptions } from './bench-options.js';
import { BenchPeer, type DownloadReceipt } from './bench-peer.js';
import { LonePeer } from './lone-peer.js';
import { loadAverage, processorSeconds } from './machine.js';
import { type Finding, formatNumber, type PartReport, type Series } from './report.js';
import { interleave, median, type Side } from './statistics.js';

const CONNECTIONS = 4;
const GOAL = 0.97;

interface Served {
  readonly name: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly url: string;
  readonly sizeBytes: number;
  readonly receipt: DownloadReceipt;
}

/** The sides of one way follow one another, so that they share the machine's mood. */
const WAYS = [
  ['pieces', takePieces],
  ['socket', takeBySocket],
] as const;

/** With the daemon's processor time of each round. */
type MeasuredSide = Side & { readonly usedSeconds: readonly number[] };

/** Measures it. */
export async function benchServing(options: BenchOptions): Promise<PartReport> {
  const sizeBytes = (options.isQuick ? 64 : 512) * MIB;
  const rounds = options.isQuick ? { count: 4, dropped: 1 } : { count: 25, dropped: 2 };
  return withCluster(options, { schedulers: 1, seeds: 0, peers: 1 }, async (bench) => {
    const { url } = await writeOriginFile(bench, 'served.bin', sizeBytes);
    const lone = await LonePeer.start(options.projectDir, join(bench.dir, 'lone'));
    try {
      const records = [
        ['leased', bench.cluster.record('peer-1')],
        ['lone', lone],
      ] as const;
      const sides: MeasuredSide[] = [];
      for (const [way, take] of WAYS) {
        for (const [name, record] of records) {
          const peer = new BenchPeer(record);
          const receipt = await peer.download(url);
          peer.close();
          const served = { name, addresses: record.addresses, url, sizeBytes, receipt };
          sides.push(side(`${way}, ${name}`, record.pid, () => take(served)));
        }
      }
      const kept = await interleave(sides, rounds, (round, values) => {
        const words = [...values].map(([name, value]) => `${name} ${formatNumber(value)} s`);
        options.say(`round ${round + 1}: ${words.join(', ')}; load ${loadAverage()}`);
      });
      const used = new Map(sides.map(({ name, usedSeconds }) => [name, sum(usedSeconds)]));
      return report(kept, used, sizeBytes);
    } finally {
      await lone.stop();
    }
  });
}

/** @param pid of the daemon, whose processor time is noted. */
function side(name: string, pid: number, act: () => Promise<void>): MeasuredSide {
  const usedSeconds: number[] = [];
  const run = async (): Promise<number> => {
    const usedBefore = await processorSeconds(pid);
    const startedAt = performance.now();
    await act();
    const seconds = (performance.now() - startedAt) / 1_000;
    usedSeconds.push((await processorSeconds(pid)) - usedBefore);
    return seconds;
  };
  return { name, run, usedSeconds };
}

/** All pieces over the piece port, as a foreign child asks for them. */
async function takePieces(served: Served): Promise<void> {
  const numbers = Array.from({ length: served.receipt.pieceCount }, (_, number) => number).values();
  const workers = Array.from({ length: CONNECTIONS }, () => takeOnOneConnection(served, numbers));
  const bytes = sum(await Promise.all(workers));
  check(served, bytes);
}

async function takeOnOneConnection(
  { addresses, receipt }: Served,
  numbers: Iterator<number>,
): Promise<number> {
  const [host = '', port = ''] = (addresses['pieces'] ?? '').split(':');
  const reader = new VortexReader('server');
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), host);
    const ask = (): void => {
      const next = numbers.next();
      if (next.done === true) {
        socket.destroy();
        resolve();
        return;
      }
      const { taskId } = receipt;
      const message = { kind: 'download-piece', taskId, pieceNumber: next.value } as const;
      socket.write(encodeVortexPacket({ id: 0, message }));
    };
    socket.once('connect', ask);
    socket.once('error', reject);
    socket.once('end', () => reject(new Error('The daemon has closed the connection.')));
    socket.on('data', (chunk: Buffer) => {
      for (const event of reader.feed(chunk)) {
        if (event.kind === 'payload') {
          bytes += event.bytes.length;
          if (event.isLast) ask();
        } else if (event.message.kind === 'error') reject(new Error(event.message.text));
      }
    });
  });
  return bytes;
}

/** All bytes over the unix socket, as `pondhawk get` asks for them. */
async function takeBySocket(served: Served): Promise<void> {
  const client = createClient(`unix:${served.addresses['socket'] ?? ''}`);
  const metadata = new Metadata();
  metadata.set(CONTENT_CHUNKS_KEY, '1');
  const download = commonV2.Download.fromPartial({ url: served.url, needPieceContent: true });
  const { downloadTask } = dfdaemonV2.DfdaemonDownloadService;
  let bytes = 0;
  try {
    for await (const { response } of callServerStream(
      client,
      downloadTask,
      { download },
      { metadata },
    )) {
      if (response?.$case !== 'downloadPieceFinishedResponse') continue;
      bytes += response.value.piece?.content?.length ?? 0;
    }
  } finally {
    client.close();
  }
  check(served, bytes);
}

function check({ name, sizeBytes }: Served, bytes: number): void {
  if (bytes !== sizeBytes) throw new Error(`${name} gave ${bytes} bytes of ${sizeBytes}.`);
}

function report(
  kept: ReadonlyMap<string, readonly number[]>,
  used: ReadonlyMap<string, number>,
  sizeBytes: number,
): PartReport {
  const series = [...kept].map(([name, values]): Series => ({ name, unit: 's', values }));
  const times = (name: string): readonly number[] => kept.get(name) ?? [];
  const work = (name: string): number[] => [used.get(name) ?? Number.NaN];
  const findings = WAYS.flatMap(([way]): Finding[] => [
    {
      what: `${way}: speed under a lease, as a ratio to that without`,
      ...{ value: ratioOf(way, times), unit: '×', goal: GOAL, bound: 'least' },
    },
    {
      what: `${way}: processor time without a lease, as a ratio to that under one`,
      ...{ value: ratioOf(way, work), unit: '×', bound: 'least' },
    },
  ]);
  const speed = (name: string): string => formatNumber(sizeBytes / MIB / median(times(name)));
  return {
    part: 'serving',
    series,
    findings,
    notes: [
      `${sizeBytes / MIB} MiB from two daemons of the same build: one in a cluster, which asks for its lease at each chunk of 256 KiB, and one that belongs to no cluster and needs none.`,
      `pieces: ${CONNECTIONS} connections to the piece port; socket: DownloadTask with its bytes on the unix socket. The bytes are thrown away. Processor time is the daemon's alone, of all rounds together, garbage collection and all.`,
      `Speeds under a lease: pieces ${speed('pieces, leased')} MiB/s, socket ${speed('socket, leased')} MiB/s.`,
    ],
  };
}

/**
 * Of a figure of which less is better, so that more than 1 speaks for the host under leases. The median of
 * the rounds' ratios: a round takes seconds, the machine changes its speed over minutes.
 */
function ratioOf(way: string, figures: (name: string) => readonly number[]): number {
  const lone = figures(`${way}, lone`);
  return median(figures(`${way}, leased`).map((leased, round) => (lone[round] ?? NaN) / leased));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
