/** A peer daemon that belongs to no cluster: it serves without a lease, as nobody can order a purge of it. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@pondhawk/testing';

const START_TIMEOUT_MS = 20_000;

/** From `start` to `stop`. */
export class LonePeer {
  private constructor(
    private readonly child: ChildProcess,
    readonly addresses: Readonly<Record<string, string>>,
  ) {}

  /** Starts it with its data in `dir`. @throws Error if it is not ready in time. */
  static async start(projectDir: string, dir: string): Promise<LonePeer> {
    await mkdir(dir, { recursive: true });
    const free = '{ host: 127.0.0.1, port: 0 }';
    const file = join(dir, 'lone.yaml');
    await writeFile(
      file,
      [
        `dataDir: ${join(dir, 'data')}`,
        'host: { hostname: lone, ip: 127.0.0.1 }',
        ...['upload', 'pieces', 'health', 'metrics'].map((name) => `${name}: ${free}`),
        `socket: { path: ${join(dir, 's', 'p.sock')} }`,
        'origin: { allow: [127.0.0.0/8] }',
        '',
      ].join('\n'),
    );
    const bin = join(projectDir, 'apps', 'peer', 'bin', 'pondhawk-peer.js');
    const child = spawn(process.execPath, [bin, '--config', file], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const told = join(dir, 'data', 'addresses.json');
    try {
      await eventually(() => existsSync(told), { timeoutMs: START_TIMEOUT_MS });
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    const { addresses } = JSON.parse(await readFile(told, 'utf8')) as {
      addresses: Record<string, string>;
    };
    return new LonePeer(child, addresses);
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await ended;
  }
}
