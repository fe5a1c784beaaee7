/** One large file from one peer to another, beside curl and aria2 from a plain HTTP server. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '@pondhawk/testing';
import { withCluster, writeOriginFile, type BenchCluster } from './bench-cluster.js';
import { MIB, type BenchOptions } from './bench-options.js';
import { BenchPeer } from './bench-peer.js';
import { digestSpeeds, loadAverage, processorSeconds } from './machine.js';
import { formatNumber, type PartReport, type Series } from './report.js';
import { interleave, median, type Side } from './statistics.js';

const COMMAND_TIMEOUT_MS = 300_000;
const NAME = 'large.bin';

/** Measures it. */
export async function benchTransfer(options: BenchOptions): Promise<PartReport> {
  const sizeBytes = (options.isQuick ? 64 : 1024) * MIB;
  const rounds = options.isQuick ? { count: 3, dropped: 1 } : { count: 5, dropped: 1 };
  return withCluster(options, { schedulers: 1, seeds: 0, peers: 2 }, async (bench) => {
    const { url, path } = await writeOriginFile(bench, NAME, sizeBytes);
    const own = new OwnSide(bench, { url, sizeBytes });
    try {
      await own.fillParent();
      const tools = await toolSides(bench, { url, path });
      const floor = floorSide(bench, sizeBytes);
      const kept = await interleave([...tools, own.side(), floor], rounds, (round, values) => {
        const words = [...values].map(([name, value]) => `${name} ${formatNumber(value)} s`);
        options.say(`round ${round + 1}: ${words.join(', ')}; load ${loadAverage()}`);
      });
      return report(kept, { sizeBytes, processorSeconds: own.processorSeconds });
    } finally {
      own.close();
    }
  });
}

/** A complete copy at peer-1, fetched again and again by peer-2. */
class OwnSide {
  /** Processor time of both daemons together in each round. */
  readonly processorSeconds: number[] = [];
  private readonly parent: BenchPeer;
  private readonly child: BenchPeer;

  constructor(
    bench: BenchCluster,
    private readonly content: { readonly url: string; readonly sizeBytes: number },
  ) {
    this.parent = new BenchPeer(bench.cluster.record('peer-1'));
    this.child = new BenchPeer(bench.cluster.record('peer-2'));
  }

  async fillParent(): Promise<void> {
    await this.parent.download(this.content.url);
  }

  side(): Side {
    return { name: 'pondhawk', run: () => this.run() };
  }

  close(): void {
    this.parent.close();
    this.child.close();
  }

  private async run(): Promise<number> {
    await settleDisk();
    const usedBefore = await this.usedSeconds();
    const startedAt = performance.now();
    const receipt = await this.child.download(this.content.url);
    const seconds = (performance.now() - startedAt) / 1_000;
    this.processorSeconds.push((await this.usedSeconds()) - usedBefore);
    if (receipt.peerBytes !== this.content.sizeBytes)
      throw new Error(`Only ${receipt.peerBytes} bytes came from the parent.`);
    await this.child.deleteTask(receipt.taskId);
    return seconds;
  }

  private async usedSeconds(): Promise<number> {
    const pids = [this.parent, this.child].map(({ record }) => record.pid);
    const used = await Promise.all(pids.map((pid) => processorSeconds(pid)));
    return used.reduce((sum, seconds) => sum + seconds, 0);
  }
}

async function toolSides(
  bench: BenchCluster,
  content: { readonly url: string; readonly path: string },
): Promise<Side[]> {
  const expected = await sha256Of(content.path);
  const side = (name: string, command: (file: string) => string): Side => {
    const file = join(bench.dir, `${name}.out`);
    return {
      name,
      run: async (round) => {
        const seconds = await timeShell(command(file));
        if (round === 0 && (await sha256Of(file)) !== expected)
          throw new Error(`${name} has other bytes than the server.`);
        await rm(file);
        return seconds;
      },
    };
  };
  return [
    side(
      'curl',
      (file) => `curl -sS --noproxy '*' -o '${file}' '${content.url}' && sync '${file}'`,
    ),
    side('aria2c', (file) => {
      const [folder, name] = [bench.dir, file.slice(bench.dir.length + 1)];
      const words = `-x1 -q --no-conf --no-proxy='*' --file-allocation=none -d '${folder}' -o '${name}'`;
      return `aria2c ${words} '${content.url}' && sync '${file}'`;
    }),
  ];
}

/** The disk alone: as many zeros written and synced. */
function floorSide(bench: BenchCluster, sizeBytes: number): Side {
  const file = join(bench.dir, 'floor.out');
  return {
    name: 'dd (floor)',
    run: async () => {
      const seconds = await timeShell(
        `dd if=/dev/zero of='${file}' bs=1M count=${sizeBytes / MIB} conv=fdatasync status=none`,
      );
      await rm(file);
      return seconds;
    },
  };
}

async function timeShell(command: string): Promise<number> {
  await settleDisk();
  const startedAt = performance.now();
  await mustRun('sh', ['-c', command]);
  return (performance.now() - startedAt) / 1_000;
}

/** What the side before left to be written is not the next one's to pay. */
async function settleDisk(): Promise<void> {
  await mustRun('sync', []);
}

async function mustRun(command: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await runCommand(command, args, { timeoutMs: COMMAND_TIMEOUT_MS });
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${code}: ${stderr}`);
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: MIB })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

function report(
  kept: ReadonlyMap<string, readonly number[]>,
  measured: { readonly sizeBytes: number; readonly processorSeconds: readonly number[] },
): PartReport {
  const series = [...kept].map(([name, values]): Series => ({ name, unit: 's', values }));
  const time = (name: string): number => median(kept.get(name) ?? []);
  const tools = [time('curl'), time('aria2c')];
  const own = time('pondhawk');
  const mib = measured.sizeBytes / MIB;
  return {
    part: 'transfer',
    series,
    findings: [
      {
        what: 'speed, as a ratio to the slower tool',
        ...{ value: Math.max(...tools) / own, unit: '×', goal: 0.8, bound: 'least' },
      },
      {
        what: 'speed, as a ratio to the faster tool',
        ...{ value: Math.min(...tools) / own, unit: '×', goal: 0.6, bound: 'least' },
      },
    ],
    notes: [
      `${mib} MiB. Ours: DownloadTask without content on the socket of peer-2; ends when its copy is complete and synced, every piece's digest checked.`,
      'The tools check no digest; the server they ask is a process of its own. Before each run the disk is synced.',
      `Speeds: ours ${formatNumber(mib / own)} MiB/s, floor of the disk ${formatNumber(mib / time('dd (floor)'))} MiB/s.`,
      `Digests alone, one core: ${digestSpeeds()}.`,
      `Processor time of both daemons together: ${measured.processorSeconds.map(formatNumber).join('  ')} s a round.`,
    ],
  };
}
