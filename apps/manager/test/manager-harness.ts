/** A real manager in this process, on free ports, and what tests ask of it. */

import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { fleetClient, type FleetClient } from './fleet-client.js';
import { type Faults, NoFaults } from '@pondhawk/core';
import { Secret } from '@pondhawk/config';
import { MemoryLog, SystemClock } from '@pondhawk/observability';
import { makeTempDir } from '@pondhawk/testing';
import { ManagerConfig } from '../src/config/manager.config.js';
import { DATABASE_FILE } from '../src/ledger-access/data-folder.js';
import { LedgerReader, LedgerWriter } from '../src/ledger/index.js';
import { startManager, type RunningManager } from '../src/start-manager.js';

/** A broker address where nobody listens. */
export const NO_BROKER = 'nats://127.0.0.1:1';

/** Password of `root` on all managers of this run. */
export const ROOT_PASSWORD = `${randomBytes(7).toString('hex')}a1`;

/** An answer of REST. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Tests look into answers of every shape.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  readonly json: any;
}

/** What a test manager is started with. */
export interface TestManagerOptions {
  readonly dataDir: string;
  readonly natsUrl?: string;
  readonly keepAliveIntervalMs?: number;
  readonly tokenRequestsPerSecond?: number;
  readonly faults?: Faults;
  readonly signUpByProvider?: boolean;
  /** Another console's build. */
  readonly consoleDir?: string;
  /** Where registries may be although the addresses are no public ones, and who vouches for them. */
  readonly origin?: { readonly allow: string[]; readonly caFile: string };
  /** Absent: jobs may come as fast as a test sends them. */
  readonly jobRateLimit?: 'default';
}

/** A manager and its clients. */
export interface TestManager {
  readonly running: RunningManager;
  readonly dataDir: string;
  readonly log: MemoryLog;
  readonly fleet: FleetClient;
  /** Header of a session of `root`. */
  readonly authorization: string;
  /** As `root`, unless the headers say otherwise. */
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** How many rows each table has, but for the audit log, to which refusals are added too. */
  countRows(): Record<string, number>;
  stop(): Promise<void>;
}

/** A body is sent as JSON unless it is a text. */
export interface RequestOptions {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** Settings with free ports. */
export function testConfig(options: TestManagerOptions): ManagerConfig {
  const config = new ManagerConfig();
  config.dataDir = options.dataDir;
  config.rest.port = 0;
  config.grpc.port = 0;
  config.metrics.port = 0;
  config.auth.rootPassword = new Secret(ROOT_PASSWORD);
  config.console.dir = options.consoleDir ?? '';
  Object.assign(config.origin, options.origin);
  config.auth.signUpByProvider = options.signUpByProvider ?? true;
  config.nats.url = options.natsUrl ?? NO_BROKER;
  config.auth.tokenRequestsPerSecond = options.tokenRequestsPerSecond ?? 100_000;
  if (options.keepAliveIntervalMs !== undefined) {
    config.keepAlive.intervalMs = options.keepAliveIntervalMs;
  }
  return config;
}

/** Starts a manager. */
export async function startTestManager(options: TestManagerOptions): Promise<TestManager> {
  const log = new MemoryLog();
  const running = await startManager({
    config: testConfig(options),
    log,
    faults: options.faults ?? new NoFaults(),
    clock: new SystemClock(),
  });
  if (options.jobRateLimit !== 'default') await liftJobRateLimit(running);
  const fleet = fleetClient(running.addresses.grpc);
  return {
    running,
    dataDir: options.dataDir,
    log,
    fleet,
    ...(await signInAsRoot(running.addresses.rest)),
    countRows: () => countRows(join(options.dataDir, DATABASE_FILE)),
    stop: async () => {
      fleet.close();
      await running.stop();
    },
  };
}

/** Not by REST, so that no audit tells of it. */
async function liftJobRateLimit({ app }: RunningManager): Promise<void> {
  const writer = app.get(LedgerWriter, { strict: false });
  const reader = app.get(LedgerReader, { strict: false });
  const config = { ...(await reader.findCluster(1))?.config, job_rate_limit: 1_000_000 };
  await writer.execute('update-cluster', { atMs: Date.now(), clusterId: 1, changes: { config } });
}

/** A manager in a folder of its own, for a whole describe block. */
export function useTestManager(options: Omit<TestManagerOptions, 'dataDir'> = {}): {
  readonly get: () => TestManager;
} {
  let manager: TestManager | undefined;
  let remove: () => Promise<void>;
  beforeAll(async () => {
    const dir = await makeTempDir();
    remove = () => dir.remove();
    manager = await startTestManager({ ...options, dataDir: dir.path });
  }, 30_000);
  afterAll(async () => {
    await manager?.stop();
    await remove();
  });
  return { get: () => manager! };
}

/** Signs in. @returns how to ask as `root`. */
export async function signInAsRoot(
  address: string,
): Promise<Pick<TestManager, 'request' | 'authorization'>> {
  const body = { name: 'root', password: ROOT_PASSWORD };
  const { json } = await request(`http://${address}/api/v1/users/signin`, 'POST', { body });
  const authorization = `Bearer ${json?.token as string}`;
  return {
    authorization,
    request: (method, path, how) =>
      request(`http://${address}${path}`, method, {
        ...how,
        headers: { authorization, ...how?.headers },
      }),
  };
}

/** One request; connections are not kept. */
export async function request(
  url: string,
  method: string,
  { body, headers }: RequestOptions = {},
): Promise<Answer> {
  const content = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url, {
    method,
    headers: {
      connection: 'close',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: content }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== '' ? (JSON.parse(text) as unknown) : undefined,
  };
}

function countRows(file: string): Record<string, number> {
  const db = new Database(file, { readonly: true });
  try {
    const tables = db
      .prepare("select name from sqlite_master where type = 'table' order by name")
      .pluck()
      .all() as string[];
    return Object.fromEntries(
      tables
        .filter((table) => !table.startsWith('audit'))
        .map((table) => [
          table,
          db.prepare(`select count(*) from "${table}"`).pluck().get() as number,
        ]),
    );
  } finally {
    db.close();
  }
}
