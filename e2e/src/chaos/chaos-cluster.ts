/** A cluster of real daemons whose ways to each other can be cut. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  findLastingPorts,
  headersFor,
  LocalCluster,
  makeTempDir,
  planCluster,
  planNames,
  portCount,
  SocketTable,
  ToxicProxy,
  type ClusterRecord,
  type ClusterShape,
  type PlannedProcess,
  type ProxyRoute,
  type TempDir,
} from '@pondhawk/testing';
import Database from 'better-sqlite3';
import { PROJECT_DIR } from '../stage.js';

/** Leases of about a second; a host that cannot be reached is fenced after the sum. */
const LEASES = { schedulerLeaseMs: 1_000, hostLeaseMs: 1_000, marginMs: 500 };
/** How long a purge waits for a host that it cannot reach, in ms. */
export const BOUND_MS = LEASES.schedulerLeaseMs + LEASES.hostLeaseMs + LEASES.marginMs;

/** For runs in the background of a machine that has other work: a start promises no time. */
const START_TIMEOUT_MS = 120_000;

const SHAPE = { schedulers: 2, seeds: 0, peers: 4 } as const;
/** Daemons listen on 127.0.0.1 and are known to each other by this one, where the proxy stands. */
const PROXY_HOST = '127.0.0.2';

/** Starts by `open`; `close` leaves nothing behind. */
export class ChaosCluster {
  /** Set once everything runs. */
  private record!: ClusterRecord;

  private constructor(
    private readonly folder: TempDir,
    private readonly local: LocalCluster,
    private readonly proxy: ToxicProxy,
    private readonly env: Readonly<Record<string, Readonly<Record<string, string>>>>,
  ) {}

  /** Starts manager, schedulers, peers and broker, and the proxy between them. */
  static async open(): Promise<ChaosCluster> {
    const folder = await makeTempDir();
    const shape: ClusterShape = {
      dir: folder.path,
      ...SHAPE,
      overrides: { manager: { leases: LEASES } },
    };
    const planned = planCluster(shape, await reservePorts(shape));
    const env = Object.fromEntries(planned.map((one) => [one.name, envOf(one, planned)]));
    const local = new LocalCluster({
      projectDir: PROJECT_DIR,
      startTimeoutMs: START_TIMEOUT_MS,
      env,
      ...shape,
    });
    const pids = (): Map<number, string> =>
      new Map(
        planned.flatMap(({ name }) => {
          const pid = pidOf(local, name);
          return pid === undefined ? [] : [[pid, name] as const];
        }),
      );
    const proxy = new ToxicProxy(routesOf(planned), ({ clientPort, serverPort }) => {
      const names = pids();
      const ends = { localPort: clientPort, remotePort: serverPort };
      const pid = SocketTable.read().ownerOf(ends, [...names.keys()]);
      return names.get(pid ?? -1) ?? '';
    });
    await proxy.start();
    const cluster = new ChaosCluster(folder, local, proxy, env);
    try {
      cluster.record = await local.start();
    } catch (error) {
      await proxy.stop();
      await folder.remove();
      throw error;
    }
    return cluster;
  }

  /** Where configurations, data and logs are. */
  get dir(): string {
    return this.folder.path;
  }

  /** Ends everything, and removes the folder unless it is wanted. */
  async close({ keepsFolder }: { keepsFolder: boolean }): Promise<void> {
    await this.local.stop();
    await this.proxy.stop();
    if (!keepsFolder) await this.folder.remove();
  }

  /** Names of the hosts. */
  get hosts(): string[] {
    return this.namesOf('peer');
  }

  /** Names of the schedulers. */
  get schedulers(): string[] {
    return this.namesOf('scheduler');
  }

  /** Path of a host's unix socket. */
  socketOf(host: string): string {
    return this.local.record(host).addresses['socket'] ?? '';
  }

  /** A host's piece port on 127.0.0.1. */
  piecesPortOf(host: string): number {
    return Number(this.local.record(host).addresses['pieces']?.split(':')[1]);
  }

  /** Whether a daemon says that it is ready. */
  async isReady(name: string): Promise<boolean> {
    const { health, rest } = this.local.record(name).addresses;
    try {
      return (await fetch(`http://${health ?? rest ?? ''}/readyz`)).ok;
    } catch {
      return false;
    }
  }

  /** Calls the manager's REST API. @throws Error when it does not answer, or answers an error. */
  async rest(path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.record.manager.url}/api/v1${path}`, {
      headers: headersFor(this.record.manager),
      signal: AbortSignal.timeout(10_000),
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** As by `kill -9`; resolves when the process is gone. */
  async kill(name: string): Promise<void> {
    const process = this.local.getProcess(name);
    process.kill('SIGKILL');
    await process.ended;
  }

  /** Starts a daemon that was killed. */
  async restart(name: string): Promise<void> {
    await this.local.restart(name, this.env[name]);
  }

  /** Kills the broker, deletes all its data and starts it again. */
  async loseBroker(): Promise<void> {
    await this.kill('nats');
    const { dataDir } = this.local.record('nats');
    await rm(dataDir, { recursive: true, force: true });
    await mkdir(dataDir);
    await this.restart('nats');
  }

  /** Locks the manager's database as another program would. @returns what ends that. */
  lockLedger(): () => void {
    const database = new Database(join(this.local.record('manager').dataDir, 'manager.db'));
    database.exec('BEGIN IMMEDIATE');
    return () => database.close();
  }

  /** Stops a process where it stands. */
  pause(name: string): void {
    this.local.getProcess(name).kill('SIGSTOP');
  }

  /** Lets it go on. */
  resume(name: string): void {
    this.local.getProcess(name).kill('SIGCONT');
  }

  /** Nothing passes between this daemon and the others, except the broker. */
  cut(name: string): void {
    this.proxy.cut(name);
  }

  /** @param way what becomes of the connections that stood over the cut. */
  heal(name: string, way: 'go-on' | 'break'): void {
    this.proxy.heal(name, way);
  }

  private namesOf(role: string): string[] {
    return this.record.processes.filter((one) => one.role === role).map(({ name }) => name);
  }
}

function pidOf(local: LocalCluster, name: string): number | undefined {
  try {
    return local.getProcess(name).pid;
  } catch {
    return undefined; // Not started yet.
  }
}

/** Ports have to be known before the daemons, because the proxy has the same ones: the cluster takes them up from its folder. */
async function reservePorts(shape: ClusterShape): Promise<(name: string) => readonly number[]> {
  const names = planNames(shape);
  const free = await findLastingPorts(names.reduce((sum, { role }) => sum + portCount(role), 0));
  const ports = Object.fromEntries(
    names.map(({ name, role }) => [name, free.splice(0, portCount(role))]),
  );
  await writeFile(join(shape.dir, 'ports.json'), JSON.stringify(ports));
  return (name) => ports[name] ?? [];
}

function routesOf(planned: readonly PlannedProcess[]): ProxyRoute[] {
  return planned.flatMap(({ name, role, ports }) =>
    (role === 'peer' ? ['upload', 'pieces'] : ['grpc'])
      .flatMap((key) => ports[key] ?? [])
      .map((port) => ({
        name,
        listen: { host: PROXY_HOST, port },
        target: { host: '127.0.0.1', port },
      })),
  );
}

function envOf(
  { role }: PlannedProcess,
  planned: readonly PlannedProcess[],
): Record<string, string> {
  if (role !== 'peer' && role !== 'scheduler') return {};
  const prefix = `PONDHAWK_${role.toUpperCase()}`;
  const manager = planned.find((one) => one.role === 'manager')?.ports['grpc'] ?? 0;
  return {
    [`${prefix}_HOST_IP`]: PROXY_HOST,
    [`${prefix}_MANAGER_ADDRESS`]: `${PROXY_HOST}:${manager}`,
  };
}
