import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A server that has not opened its port by then does not come up. */
export const NATS_START_TIMEOUT_MS = 10_000;

const POLL_INTERVAL_MS = 20;

/** How a server is started. */
export interface NatsServerOptions {
  /** Where it keeps streams; absent: a folder of its own, removed by `dispose`. */
  readonly storeDirectory?: string;
  /** Default: a free one. */
  readonly port?: number;
}

/**
 * A real nats-server with JetStream on 127.0.0.1. It can be killed and started again on the same store
 * and port, as after a crash of its machine.
 */
export class NatsServer {
  private constructor(
    private readonly directory: string,
    private readonly storeDirectory: string,
    private process: ChildProcess,
    /** As `nats://127.0.0.1:4222`. */
    readonly url: string,
  ) {}

  /** Starts one. @throws Error if there is no binary, or it does not come up. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const directory = await mkdtemp(join(tmpdir(), 'pondhawk-nats-'));
    const storeDirectory = options.storeDirectory ?? join(directory, 'store');
    const launched = await launch({ directory, storeDirectory, port: options.port ?? -1 });
    return new NatsServer(directory, storeDirectory, launched.process, launched.url);
  }

  /** Process id. */
  get pid(): number {
    return this.process.pid ?? 0;
  }

  /** Ends it as by a power cut. */
  async kill(): Promise<void> {
    await end(this.process, 'SIGKILL');
  }

  /** Ends it in order; it then exits with code 1, which is normal. */
  async stop(): Promise<void> {
    await end(this.process, 'SIGTERM');
  }

  /** Starts it again on the same port and, unless told to forget, with the same streams. */
  async restart({ isForgetting = false } = {}): Promise<void> {
    await this.kill();
    const { directory, storeDirectory } = this;
    if (isForgetting) await rm(storeDirectory, { recursive: true, force: true });
    const port = Number(new URL(this.url).port);
    this.process = (await launch({ directory, storeDirectory, port })).process;
  }

  /** Ends it and removes its folder. */
  async dispose(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The binary: PONDHAWK_NATS_SERVER, else `nats-server` of PATH. @throws Error if it does not run. */
export function findNatsServer(): string {
  // eslint-disable-next-line n/no-process-env -- test tool: where the binary lies is a fact of the machine
  const binary = process.env['PONDHAWK_NATS_SERVER'] ?? 'nats-server';
  const { status } = spawnSync(binary, ['--version'], { stdio: 'ignore' });
  if (status === 0) return binary;
  throw new Error(
    `nats-server does not run as "${binary}". Install it (Debian: apt-get install nats-server) or set PONDHAWK_NATS_SERVER to its path.`,
  );
}

interface LaunchOptions {
  readonly directory: string;
  readonly storeDirectory: string;
  readonly port: number;
}

async function launch(options: LaunchOptions): Promise<{ process: ChildProcess; url: string }> {
  const { directory, storeDirectory, port } = options;
  const config = join(directory, 'nats.conf');
  await writeFile(
    config,
    `host: 127.0.0.1\nport: ${port}\nhttp: "127.0.0.1:-1"\nports_file_dir: "${directory}"\n` +
      `jetstream { store_dir: "${storeDirectory}" }\n`,
  );
  const child = spawn(findNatsServer(), ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log = `${log}${chunk.toString()}`.slice(-4_000)));
  const portsFile = join(directory, `nats-server_${child.pid ?? 0}.ports`);
  const deadline = performance.now() + NATS_START_TIMEOUT_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const url = await readUrl(portsFile);
    if (url !== undefined) return { process: child, url };
    await delay(POLL_INTERVAL_MS);
  }
  await end(child, 'SIGKILL');
  throw new Error(`nats-server did not come up. Its last words: ${log}`);
}

async function readUrl(portsFile: string): Promise<string | undefined> {
  try {
    const ports = JSON.parse(await readFile(portsFile, 'utf8')) as { nats?: string[] };
    return ports.nats?.[0];
  } catch {
    return undefined; // Not written yet, or half.
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
