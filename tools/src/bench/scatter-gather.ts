/** The floor of a delete: a request to all over the same broker, and the same unlinks on the same disk. */

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BrokerConnection } from '@pondhawk/messaging';
import { BenchChild } from './bench-child.js';

/** As many as hosts have. */
const PROCESSES = 4;
const ANSWERS_TIMEOUT_MS = 10_000;
const REQUEST = Buffer.from(JSON.stringify({ type: 'delete_task', task_id: '0'.repeat(64) }));

/** Subscribers that answer one request each, from `start` to `stop`. */
export class ScatterGather {
  private roundCount = 0;

  private constructor(
    private readonly connection: BrokerConnection,
    private readonly processes: readonly BenchChild[],
    private readonly count: number,
  ) {}

  /** Starts so many subscribers, in a few processes. */
  static async start(url: string, count: number): Promise<ScatterGather> {
    const connection = new BrokerConnection({ url, name: 'scatter-gather' });
    connection.start();
    await connection.ready();
    const processes = Array.from(
      { length: Math.min(PROCESSES, count) },
      () => new BenchChild('scatter-process.js'),
    );
    const share = (at: number): number =>
      Math.floor(count / processes.length) + (at < count % processes.length ? 1 : 0);
    await Promise.all(
      processes.map((process, at) =>
        process.ask('subscribe', { url, subject: subjectOf(count), count: share(at) }),
      ),
    );
    return new ScatterGather(connection, processes, count);
  }

  /** Publishes one request; resolves when each subscriber has answered. @throws Error after ten seconds. */
  async run(): Promise<void> {
    const client = this.connection.require();
    this.roundCount += 1;
    const reply = `bench.answers.${this.count}.${this.roundCount}`;
    const timeoutMs = ANSWERS_TIMEOUT_MS;
    const answers = client.subscribe(reply, { max: this.count });
    const timer = setTimeout(() => answers.unsubscribe(), timeoutMs);
    client.publish(subjectOf(this.count), REQUEST, { reply });
    let answered = 0;
    for await (const answer of answers) answered += answer.data.length > 0 ? 1 : 0;
    clearTimeout(timer);
    if (answered < this.count) throw new Error(`${answered} of ${this.count} answered.`);
  }

  /** Ends the subscribers. */
  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
    await this.connection.close();
  }
}

function subjectOf(count: number): string {
  return `bench.scatter.${count}`;
}

/** Files in folders of their own, as copies lie on their hosts, to be unlinked. */
export class UnlinkLoop {
  constructor(
    private readonly dir: string,
    private readonly options: { readonly count: number; readonly sizeBytes: number },
  ) {}

  /** Writes the files. */
  prepare(): void {
    const content = Buffer.alloc(this.options.sizeBytes, 7);
    for (const folder of this.folders()) {
      mkdirSync(folder, { recursive: true });
      const file = openSync(join(folder, 'copy'), 'w');
      writeFileSync(file, content);
      fsyncSync(file);
      closeSync(file);
    }
  }

  /** Unlinks each and syncs its folder, one after another, with nothing in between. */
  run(): void {
    for (const folder of this.folders()) {
      unlinkSync(join(folder, 'copy'));
      const handle = openSync(folder, 'r');
      fsyncSync(handle);
      closeSync(handle);
    }
  }

  /** Removes the folders. */
  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  private folders(): string[] {
    return Array.from({ length: this.options.count }, (_, index) => join(this.dir, String(index)));
  }
}
