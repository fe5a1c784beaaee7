/** Many hosts in a few processes, and their addresses. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchCluster } from './bench-cluster.js';
import { BenchChild } from './bench-child.js';
import { Relay } from './relay.js';

/** Processes that the hosts share: on this many, one host's fsync does not hold up all others. */
const PROCESSES = 4;
const LOOPBACK = '127.0.0.1';
const LOCAL_ORIGINS = ['127.0.0.0/8'];

/** One host of the farm. */
export interface FarmHost {
  /** Of the process, which it shares with others. */
  readonly pid: number;
  readonly addresses: Readonly<Record<string, string>>;
  /** `host:port` at which it is called. */
  readonly calledAt: string;
  readonly file: string;
  readonly process: BenchChild;
}

/** How many hosts, of which project, and how far away. */
export interface HostFarmOptions {
  readonly projectDir: string;
  readonly bench: BenchCluster;
  readonly count: number;
  /** Added to each call of a host, by a relay before it; 0: no relay. */
  readonly addedMs: number;
}

/** Hosts from `start` to `stop`; the first `keep` of them can be kept while the others leave. */
export class HostFarm {
  private readonly relays: Relay[] = [];

  private constructor(
    private standing: FarmHost[],
    private readonly processes: readonly BenchChild[],
  ) {}

  /** Starts all hosts. @throws Error if one does not start. */
  static async start(options: HostFarmOptions): Promise<HostFarm> {
    const { count, bench, projectDir, addedMs } = options;
    const processes = Array.from(
      { length: Math.min(PROCESSES, count) },
      () => new BenchChild('host-process.js'),
    );
    const farm = new HostFarm([], processes);
    try {
      const files = await Promise.all(
        Array.from({ length: count }, (_, index) => writeConfig(bench, index + 1, addedMs > 0)),
      );
      await Promise.all(
        processes.map((process, at) => {
          const own = files.filter((_, index) => index % processes.length === at);
          return process.ask('start', { projectDir, files: own.map(({ file }) => file) });
        }),
      );
      for (const [index, { file, dataDir }] of files.entries()) {
        const process = processes[index % processes.length];
        if (process === undefined) continue;
        const addresses = await readAddresses(dataDir);
        const calledAt = await farm.place(index + 1, addresses, addedMs);
        farm.standing.push({ pid: process.pid, addresses, calledAt, file, process });
      }
    } catch (error) {
      await farm.stop();
      throw error;
    }
    return farm;
  }

  /** Hosts that have not left. */
  get hosts(): readonly FarmHost[] {
    return this.standing;
  }

  /** Stops the hosts beyond so many, in order, so that they say goodbye. */
  async keep(count: number): Promise<void> {
    const surplus = this.standing.slice(count);
    this.standing = this.standing.slice(0, count);
    await Promise.all(
      this.processes.map((process) => {
        const own = surplus.filter((host) => host.process === process);
        return process.ask(
          'stop',
          own.map(({ file }) => file),
        );
      }),
    );
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
    await Promise.all(this.relays.map((relay) => relay.stop()));
  }

  /** Puts the host where it says that it is. @returns where it is called. */
  private async place(
    number: number,
    addresses: Readonly<Record<string, string>>,
    addedMs: number,
  ): Promise<string> {
    const upload = addresses['upload'] ?? '';
    if (addedMs === 0) return upload;
    for (const [name, toServerMs] of [
      ['upload', addedMs],
      ['pieces', 0],
    ] as const) {
      const port = portOf(addresses[name]);
      const relay = new Relay({
        listen: { host: announcedIp(number), port },
        target: { host: LOOPBACK, port },
        ...{ toServerMs, toClientMs: 0 },
      });
      await relay.start();
      this.relays.push(relay);
    }
    return `${announcedIp(number)}:${portOf(upload)}`;
  }
}

/** Peers listen on 127.0.0.1 but announce this, where relays listen on the same ports. */
function announcedIp(number: number): string {
  return `127.0.${1 + Math.floor(number / 250)}.${1 + (number % 250)}`;
}

async function writeConfig(
  { dir, record }: BenchCluster,
  number: number,
  isRelayed: boolean,
): Promise<{ file: string; dataDir: string }> {
  const dataDir = join(dir, 'hosts', String(number));
  await mkdir(dataDir, { recursive: true });
  const file = `${dataDir}.yaml`;
  const listen = { host: LOOPBACK, port: 0 };
  const config = {
    dataDir,
    host: { hostname: `host-${number}`, ip: isRelayed ? announcedIp(number) : LOOPBACK },
    manager: { address: record.manager.grpc },
    ...{ upload: listen, pieces: listen, health: listen, metrics: listen },
    socket: { path: join(dataDir, 's', 's') },
    origin: { allow: LOCAL_ORIGINS },
    log: { level: 'error' },
  };
  await writeFile(file, JSON.stringify(config));
  return { file, dataDir };
}

async function readAddresses(dataDir: string): Promise<Record<string, string>> {
  const text = await readFile(join(dataDir, 'addresses.json'), 'utf8');
  return (JSON.parse(text) as { addresses: Record<string, string> }).addresses;
}

function portOf(address = ''): number {
  return Number(address.split(':')[1]);
}
