/** Runs a whole cluster as processes on loopback, each by the command that a user has. */

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { stringify } from 'yaml';
import { ConfigError } from '@pondhawk/core';
import { eventually } from '../eventually.js';
import {
  clusterDirBytesMax,
  planCluster,
  planNames,
  portCount,
  type ClusterShape,
  type PlannedProcess,
  type Role,
} from './cluster-plan.js';
import { DaemonProcess, type DaemonCommand } from './daemon-process.js';
import { findFreePorts } from './free-ports.js';
import { liftJobRateLimit, makeToken } from './manager-access.js';

/** What `cluster.json` says of one process. */
export interface ProcessRecord {
  readonly name: string;
  readonly role: Role;
  readonly pid: number;
  readonly addresses: Readonly<Record<string, string>>;
  readonly dataDir: string;
  readonly logFile: string;
}

/** Contents of `cluster.json`. */
export interface ClusterRecord {
  readonly manager: {
    readonly url: string;
    readonly grpc: string;
    /** A personal access token of `root`, good for everything. */
    readonly token: string;
    /** Made at random for this folder. */
    readonly rootPassword: string;
  };
  readonly nats: { readonly url: string };
  readonly processes: readonly ProcessRecord[];
}

/** Tests and benches ask as fast as they can, with one token. */
const TOKEN_RATE = 100_000;
const START_TIMEOUT_MS = 30_000;
/** More would only wait for each other's processor time, and for their time limit. */
const STARTS_AT_ONCE = 8;
const STOP_GRACE_MS = 10_000;
const PORTS_FILE = 'ports.json';
const PASSWORD_FILE = 'root-password';
const OWNER_ONLY = 0o600;

/** What a cluster needs from its surroundings. */
export interface LocalClusterOptions extends ClusterShape {
  /** Root of the project, whose `apps/<role>/bin` are run. */
  readonly projectDir: string;
  /** Environment of single daemons, by name. */
  readonly env?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** How long a daemon may take until it listens; 30 s unless said otherwise. */
  readonly startTimeoutMs?: number;
}

/**
 * A cluster of processes. `start` plans it (or takes up the ports of an earlier run in the same
 * folder), starts all and waits until each listens; `stop` leaves no process behind.
 */
export class LocalCluster {
  private readonly running = new Map<string, DaemonProcess>();
  private readonly restartEnv = new Map<string, Readonly<Record<string, string>>>();
  private planned: PlannedProcess[] = [];
  /** Both set by `start`. */
  private rootPassword = '';
  private token = '';

  constructor(private readonly options: LocalClusterOptions) {}

  /** Starts every process. @throws ConfigError when nats-server is missing, the folder's name is too long, or a daemon does not start. */
  async start(): Promise<ClusterRecord> {
    const { dir } = this.options;
    if (Buffer.byteLength(dir) > clusterDirBytesMax()) {
      throw new ConfigError(
        'CLUSTER_DIR_TOO_LONG',
        `The cluster's folder may have ${clusterDirBytesMax()} bytes in its name: ${dir}.`,
      );
    }
    await mkdir(join(dir, 'config'), { recursive: true });
    this.planned = planCluster(this.options, await this.loadPorts());
    this.rootPassword = await this.loadRootPassword();
    for (const planned of this.planned) await this.writeConfig(planned);
    try {
      for (const role of ['nats', 'manager', 'scheduler', 'seed', 'peer'] as const) {
        const queue = this.planned.filter((p) => p.role === role).values();
        const worker = async (): Promise<void> => {
          for (const planned of queue) await this.startProcess(planned);
        };
        await Promise.all(Array.from({ length: STARTS_AT_ONCE }, worker));
      }
      const url = `http://${this.record('manager').addresses['rest'] ?? ''}`;
      this.token = await makeToken(url, this.rootPassword);
      await liftJobRateLimit({ url, token: this.token });
    } catch (error) {
      await this.stop();
      throw error;
    }
    return this.writeRecord();
  }

  /** Starts one process that has ended, on the ports it had; with `env` instead of the environment it was first given. */
  async restart(name: string, env: Readonly<Record<string, string>> = {}): Promise<ProcessRecord> {
    this.restartEnv.set(name, env);
    const planned = this.planned.find((p) => p.name === name);
    if (planned === undefined) {
      throw new ConfigError(
        'UNKNOWN_PROCESS',
        `The cluster has no process ${name}; it has ${this.planned.map((p) => p.name).join(', ')}.`,
      );
    }
    await this.startProcess(planned);
    await this.writeRecord();
    return this.recordOf(planned);
  }

  /** The running process of this name. @throws ConfigError if there is none. */
  getProcess(name: string): DaemonProcess {
    const process = this.running.get(name);
    if (process === undefined) throw new ConfigError('UNKNOWN_PROCESS', `No process ${name} runs.`);
    return process;
  }

  /** Addresses, folder and pid of one process. */
  record(name: string): ProcessRecord {
    const planned = this.planned.find((p) => p.name === name);
    if (planned === undefined) throw new ConfigError('UNKNOWN_PROCESS', `No process ${name}.`);
    return this.recordOf(planned);
  }

  /** Ends every process, peers first, so that they can still say goodbye. */
  async stop(): Promise<void> {
    for (const role of ['peer', 'seed', 'scheduler', 'manager', 'nats'] as const) {
      await Promise.all(
        this.planned
          .filter((p) => p.role === role)
          .map(async (p) => this.running.get(p.name)?.stop(STOP_GRACE_MS)),
      );
    }
    this.running.clear();
  }

  private async loadPorts(): Promise<(name: string) => readonly number[]> {
    const file = join(this.options.dir, PORTS_FILE);
    const known = existsSync(file)
      ? (JSON.parse(await readFile(file, 'utf8')) as Record<string, number[]>)
      : {};
    const missing = planNames(this.options).filter(({ name }) => known[name] === undefined);
    const fresh = await findFreePorts(missing.reduce((sum, { role }) => sum + portCount(role), 0));
    for (const { name, role } of missing) known[name] = fresh.splice(0, portCount(role));
    await replaceFile(file, JSON.stringify(known, null, 2));
    return (name) => known[name] ?? [];
  }

  /** No password is the same on two clusters, and none is in the source. */
  private async loadRootPassword(): Promise<string> {
    const file = join(this.options.dir, PASSWORD_FILE);
    if (!existsSync(file)) await replaceFile(file, `${randomBytes(7).toString('hex')}a1`);
    return readFile(file, 'utf8');
  }

  private async writeConfig(planned: PlannedProcess): Promise<void> {
    await mkdir(planned.dataDir, { recursive: true });
    const config =
      planned.role === 'manager'
        ? {
            ...(planned.config as object),
            auth: { rootPassword: this.rootPassword, tokenRequestsPerSecond: TOKEN_RATE },
          }
        : planned.config;
    await replaceFile(
      planned.configFile,
      planned.role === 'nats' ? natsConfig(planned) : stringify(config),
    );
  }

  private async startProcess(planned: PlannedProcess): Promise<void> {
    const process = new DaemonProcess(this.commandOf(planned));
    this.running.set(planned.name, process);
    await eventually(
      async () => {
        const end = process.getEnd();
        if (end !== undefined) throw new EndedEarly(planned, end.code);
        for (const port of Object.values(planned.ports)) await tryConnect({ port });
        // A peer opens its socket last, when it has caught up.
        const { socket } = planned.addresses;
        if (socket !== undefined) await tryConnect({ path: socket });
      },
      { timeoutMs: this.options.startTimeoutMs ?? START_TIMEOUT_MS },
    ).catch((error: unknown) => {
      throw new ConfigError(
        'DAEMON_DID_NOT_START',
        `${planned.name} did not start; its log is ${planned.logFile}.`,
        { cause: error },
      );
    });
  }

  private commandOf(planned: PlannedProcess): DaemonCommand {
    const env = this.restartEnv.get(planned.name) ?? this.options.env?.[planned.name];
    const extra = env === undefined ? {} : { env };
    if (planned.role === 'nats') {
      return {
        name: planned.name,
        command: findNatsServer(),
        args: ['-c', planned.configFile],
        logFile: planned.logFile,
        ...extra,
      };
    }
    const app = planned.role === 'seed' ? 'peer' : planned.role;
    return {
      name: planned.name,
      command: process.execPath,
      args: [
        join(this.options.projectDir, 'apps', app, 'bin', `pondhawk-${app}.js`),
        '--config',
        planned.configFile,
      ],
      logFile: planned.logFile,
      ...extra,
    };
  }

  private recordOf(planned: PlannedProcess): ProcessRecord {
    const { name, role, addresses, dataDir, logFile } = planned;
    return { name, role, pid: this.running.get(name)?.pid ?? -1, addresses, dataDir, logFile };
  }

  private async writeRecord(): Promise<ClusterRecord> {
    const manager = this.record('manager').addresses;
    const record: ClusterRecord = {
      manager: {
        url: `http://${manager['rest'] ?? ''}`,
        grpc: manager['grpc'] ?? '',
        token: this.token,
        rootPassword: this.rootPassword,
      },
      nats: { url: `nats://${this.record('nats').addresses['client'] ?? ''}` },
      processes: this.planned.map((planned) => this.recordOf(planned)),
    };
    await replaceFile(
      join(this.options.dir, 'cluster.json'),
      `${JSON.stringify(record, null, 2)}\n`,
    );
    return record;
  }
}

class EndedEarly extends Error {
  constructor(planned: PlannedProcess, code: number | null) {
    super(`${planned.name} ended with code ${code ?? 'none'} before it listened.`);
  }
}

/** Path of nats-server. @throws ConfigError that says how to get it. */
export function findNatsServer(): string {
  const given = process.env['PONDHAWK_NATS_SERVER'];
  if (given !== undefined && given !== '') return given;
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'nats-server'))
    .find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new ConfigError(
    'NATS_SERVER_MISSING',
    'nats-server was not found: install it (Debian: apt-get install nats-server) or set PONDHAWK_NATS_SERVER to its path.',
  );
}

function natsConfig(planned: PlannedProcess): string {
  return [
    'host: 127.0.0.1',
    `port: ${planned.ports['client'] ?? 0}`,
    `jetstream { store_dir: ${JSON.stringify(planned.dataDir)} }`,
    '',
  ].join('\n');
}

async function replaceFile(file: string, text: string): Promise<void> {
  // Configurations, cluster.json and the password hold what lets in. Restarts may run side by side.
  const written = `${file}.${randomBytes(4).toString('hex')}.new`;
  await writeFile(written, text, { mode: OWNER_ONLY });
  await rename(written, file);
}

async function tryConnect(
  to: { readonly port: number } | { readonly path: string },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', ...to });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
