/** A cluster, an origin and the commands of a user, for one suite. */

import { createHash, randomFillSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import {
  eventually,
  LocalCluster,
  makeTempDir,
  OriginServer,
  runCommand,
  type ClusterRecord,
  type LocalClusterOptions,
  type OriginFile,
  type ProcessRecord,
  type TempDir,
} from '@pondhawk/testing';

/** Root of the project. */
export const PROJECT_DIR = resolve(__dirname, '..', '..');
const COMMAND_TIMEOUT_MS = 60_000;
/** Once manager, scheduler and host live, leases come within a second or so. */
const LEASE_WAIT_MS_MAX = 30_000;

/** What a command printed, and how it ended. */
export type CommandResult = Awaited<ReturnType<typeof runCommand>>;

/** A content on the origin. */
export interface Content {
  readonly url: string;
  readonly body: Buffer;
  readonly sha256: string;
}

/** Started by `open`, and gone without a trace after `close`. */
export class Stage {
  private contents = 0;

  private constructor(
    readonly folder: TempDir,
    readonly cluster: LocalCluster,
    readonly origin: OriginServer,
    readonly record: ClusterRecord,
  ) {}

  /** Starts a cluster and an origin. */
  static async open(
    shape: Pick<LocalClusterOptions, 'schedulers' | 'seeds' | 'peers' | 'overrides' | 'env'>,
  ): Promise<Stage> {
    const folder = await makeTempDir();
    const origin = new OriginServer();
    await origin.start();
    const cluster = new LocalCluster({ dir: folder.path, projectDir: PROJECT_DIR, ...shape });
    return new Stage(folder, cluster, origin, await cluster.start());
  }

  /** Ends everything and removes the folder. */
  async close(): Promise<void> {
    await this.cluster.stop();
    await this.origin.stop();
    await this.folder.remove();
  }

  /** Serves new random bytes, with `facts` laid over the origin's ordinary answer. */
  serve(sizeBytes: number, facts: Partial<OriginFile> = {}): Content {
    this.contents += 1;
    const path = `/content-${this.contents}`;
    const body = randomFillSync(Buffer.alloc(sizeBytes));
    this.origin.serve(path, { body, etag: `"${this.contents}"`, ...facts });
    const sha256 = createHash('sha256').update(body).digest('hex');
    return { url: this.origin.url(path), body, sha256 };
  }

  /** Serves new random bytes, of which the second half stays at the origin until `release`. */
  serveHeld(sizeBytes: number): Content & { readonly release: () => void } {
    let release = (): void => undefined;
    const until = new Promise<void>((resolve) => (release = resolve));
    const hold = { fromByte: sizeBytes / 2, until };
    return { ...this.serve(sizeBytes, { hold }), release: () => release() };
  }

  /** Lets the origin have new random bytes under an address. */
  replace(url: string, sizeBytes: number): Content {
    this.contents += 1;
    const body = randomFillSync(Buffer.alloc(sizeBytes));
    this.origin.serve(new URL(url).pathname, { body, etag: `"${this.contents}"` });
    return { url, body, sha256: createHash('sha256').update(body).digest('hex') };
  }

  /** Every host of the cluster: peers and seeds. */
  get hosts(): ProcessRecord[] {
    return this.record.processes.filter(({ role }) => role === 'peer' || role === 'seed');
  }

  /** Runs `pondhawk` with these words. */
  async pondhawk(...args: string[]): Promise<CommandResult> {
    const command = join(PROJECT_DIR, 'apps', 'cli', 'bin', 'pondhawk.js');
    return runCommand(process.execPath, [command, ...args], {
      timeoutMs: COMMAND_TIMEOUT_MS,
      env: {
        PONDHAWK_MANAGER: this.record.manager.url,
        PONDHAWK_TOKEN: this.record.manager.token,
      },
    });
  }

  /** Downloads by the command of a user; gives the sha256 of the file. */
  async get(peer: string, url: string, ...flags: string[]): Promise<string> {
    const file = join(this.folder.path, `${peer}-${Math.random().toString(36).slice(2)}`);
    const result = await this.pondhawk(
      'get',
      url,
      '-o',
      file,
      '--socket',
      this.socketOf(peer),
      ...flags,
    );
    if (result.code !== 0) throw new Error(`get on ${peer}: code ${result.code}: ${result.stderr}`);
    const sha256 = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    await rm(file);
    return sha256;
  }

  /** Path of a peer's unix socket. */
  socketOf(peer: string): string {
    return this.cluster.record(peer).addresses['socket'] ?? '';
  }

  /** Content files on a host's disk. */
  async filesOf(host: ProcessRecord): Promise<string[]> {
    const folder = join(host.dataDir, 'content');
    if (!existsSync(folder)) return [];
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  /** Rows of a host's database. */
  rowsOf(host: ProcessRecord): { copies: number; pieces: number } {
    const sql = 'SELECT (SELECT count(*) FROM copies) AS copies, count(*) AS pieces FROM pieces';
    return queryOne(host, sql) as { copies: number; pieces: number };
  }

  /** Copies of a host that are not marked as purged. */
  servableCopiesOf(host: ProcessRecord): number {
    const sql = `SELECT count(*) AS count FROM copies WHERE state <> 'purged'`;
    return (queryOne(host, sql) as { count: number }).count;
  }

  /** Bytes of a content in whole pieces on a host's disk. */
  storedBytesOf(host: ProcessRecord, url: string): number {
    const sql =
      'SELECT coalesce(sum(length_bytes), 0) AS bytes FROM pieces JOIN copies USING (copy_id) WHERE url = ?';
    return (queryOne(host, sql, url) as { bytes: number }).bytes;
  }

  /** The newest number of the purge log that a host has applied. */
  appliedOf(host: ProcessRecord): number {
    return (queryOne(host, 'SELECT applied FROM purge_log') as { applied: number }).applied;
  }

  /** Waits until every host may serve what it holds. */
  async waitForLeases(): Promise<void> {
    await eventually(
      async () => (await Promise.all(this.hosts.map((host) => this.hasLease(host)))).every(Boolean),
      { timeoutMs: LEASE_WAIT_MS_MAX },
    );
  }

  /** Whether a host may serve what it holds, as its metrics say. */
  async hasLease(host: ProcessRecord): Promise<boolean> {
    const answer = await fetch(`http://${host.addresses['metrics']}/metrics`);
    return (await answer.text()).includes('\npondhawk_peer_lease_valid 1\n');
  }

  /** Copies of a host that were begun before a purge and are not marked as purged. */
  olderCopiesOf(host: ProcessRecord, seq: number): number {
    const sql = `SELECT count(*) AS count FROM copies WHERE filled_at < ? AND state <> 'purged'`;
    return (queryOne(host, sql, seq) as { count: number }).count;
  }

  /** Ends a process as by `kill -9`, and waits until it is gone. */
  async kill(name: string): Promise<void> {
    const process = this.cluster.getProcess(name);
    process.kill('SIGKILL');
    await process.ended;
  }

  /** Calls the manager's REST API. */
  async rest(
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; body: unknown; headers: Headers }> {
    const { url, token } = this.record.manager;
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${token}`);
    const response = await fetch(`${url}${path}`, { ...init, headers });
    const text = await response.text();
    return {
      status: response.status,
      body: text === '' ? undefined : JSON.parse(text),
      headers: response.headers,
    };
  }

  /** Creates a job and waits for its end. */
  async runJob(body: object, timeoutMs = 20_000): Promise<Job> {
    let job = await this.createJob(body);
    const deadline = performance.now() + timeoutMs;
    while (job.state === 'PENDING') {
      if (performance.now() > deadline)
        throw new Error(`Job ${job.id} is still pending: ${JSON.stringify(job.result)}`);
      job = (await this.rest(`/api/v1/jobs/${job.id}?wait=1s`)).body as Job;
    }
    return job;
  }

  /** Creates a job. @throws Error unless it is accepted. */
  async createJob(body: object): Promise<Job> {
    const answer = await this.rest('/api/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (answer.status !== 200)
      throw new Error(`POST /jobs: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as Job;
  }
}

/** The one row of a query on a host's database. */
function queryOne(host: ProcessRecord, sql: string, ...values: (string | number)[]): unknown {
  const db = new Database(join(host.dataDir, 'peer.db'), { readonly: true });
  try {
    return db.prepare(sql).get(...values);
  } finally {
    db.close();
  }
}

/** A job as the REST API shows it, as far as suites look. */
export interface Job {
  readonly id: number;
  readonly state: 'PENDING' | 'SUCCESS' | 'FAILURE';
  readonly phase: string;
  readonly args: { readonly task_id: string };
  readonly result: {
    readonly state: string;
    readonly outcome?: string;
    readonly finality?: string;
    readonly purge_seq?: Readonly<Record<string, number>>;
    /** Of deletes; null once ended. */
    readonly fences_hold_in_ms?: number | null;
    readonly counts: Readonly<Record<string, number>>;
    readonly deleted_bytes: number;
    /** Of deletes with `verify`. */
    readonly verification?: Readonly<Record<string, number>>;
    /** Of dry runs. */
    readonly held_bytes?: number;
    readonly peers?: readonly {
      readonly host_name: string;
      readonly task?: { readonly id: string };
    }[];
    readonly success_peers: readonly HostResult[];
    readonly failure_peers: readonly HostResult[];
    readonly fenced_peers: readonly HostResult[];
    readonly job_states?: readonly {
      readonly error: string;
      readonly results: readonly {
        readonly success_tasks: readonly { readonly url: string }[];
        readonly failure_tasks: readonly { readonly url: string }[];
      }[];
    }[];
    readonly total_count?: number;
    readonly page?: number;
    readonly per_page?: number;
  };
}

/** How one host's share ended. */
export interface HostResult {
  readonly peer: { readonly host_name: string; readonly state?: string };
  readonly outcome: string;
  readonly description: string;
  readonly deleted_bytes: number;
  readonly later?: string | null;
}
