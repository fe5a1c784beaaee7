/** A throw-away Redis, and a queue of BullMQ in it. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { Queue } from 'bullmq';
import { eventually } from '@pondhawk/testing';

const HOST = '127.0.0.1';
const START_TIMEOUT_MS = 10_000;

/** How Redis syncs its log: before each answer, or once a second. */
export type SyncedWhen = 'always' | 'everysec';

/** A Redis with a queue, from `start` to `stop`. */
export class RedisQueue {
  private constructor(
    private readonly process: ChildProcess,
    private readonly queue: Queue,
  ) {}

  /** Starts it on a free port, with its log in a folder of its own. @throws Error if it does not answer. */
  static async start(dir: string, synced: SyncedWhen): Promise<RedisQueue> {
    await mkdir(dir, { recursive: true });
    const port = await freePort();
    const words = ['--port', String(port), '--bind', HOST, '--dir', dir, '--save', ''];
    const process = spawn(
      'redis-server',
      [...words, '--appendonly', 'yes', '--appendfsync', synced],
      { stdio: 'ignore' },
    );
    let failure: Error | undefined;
    process.once('error', (error) => (failure = error));
    const queue = new Queue('bench', { connection: { host: HOST, port } });
    queue.on('error', () => undefined); // It is asked again until it is there.
    await eventually(
      async () => {
        if (failure !== undefined) throw failure;
        await queue.waitUntilReady();
      },
      { timeoutMs: START_TIMEOUT_MS },
    );
    return new RedisQueue(process, queue);
  }

  /** Adds every body as a job, so many at a time. @returns jobs answered a second. */
  async addAll(bodies: readonly string[], concurrency: number): Promise<number> {
    const queue = bodies.values();
    const worker = async (): Promise<void> => {
      for (const body of queue) await this.queue.add('delete', { body });
    };
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: concurrency }, worker));
    return (bodies.length * 1_000) / (performance.now() - startedAt);
  }

  /** Ends both. */
  async stop(): Promise<void> {
    await this.queue.close();
    if (this.process.exitCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await ended;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
