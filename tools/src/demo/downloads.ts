/** Downloads by the command that a user has, and looks at what is on disk. */

import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand, type ProcessRecord } from '@pondhawk/testing';
import { DemoFailure, say, seconds } from './say.js';

/** A peer as far as the demo needs it. */
export type DemoPeer = Pick<ProcessRecord, 'name' | 'addresses' | 'dataDir'>;

/** What is downloaded, and where to. */
export interface DemoDownload {
  readonly url: string;
  readonly sha256: string;
  readonly dir: string;
  readonly projectDir: string;
}

const DOWNLOAD_TIMEOUT_MS = 120_000;

/** Downloads on all peers in the same moment, and compares digests. @throws DemoFailure if one fails. */
export async function downloadOnAll(peers: readonly DemoPeer[], what: DemoDownload): Promise<void> {
  await Promise.all(
    peers.map(async (peer) => {
      const startedAt = performance.now();
      const file = join(what.dir, `${peer.name}.bin`);
      const result = await pondhawk(what.projectDir, [
        'get',
        what.url,
        '-o',
        file,
        '--socket',
        peer.addresses['socket'] ?? '',
      ]);
      if (result.code !== 0)
        throw new DemoFailure(
          `get on ${peer.name} ended with code ${result.code}: ${result.stderr.trim()}`,
        );
      const sha256 = createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
      await rm(file);
      if (sha256 !== what.sha256)
        throw new DemoFailure(`${peer.name} has other bytes than the origin`);
      say(`${peer.name} has it after ${seconds(startedAt)}, sha256 ${sha256.slice(0, 12)}…`);
    }),
  );
}

/** One line a peer: bytes it sent to other peers, from its own metrics. */
export async function whoServedWhom(processes: readonly ProcessRecord[]): Promise<string[]> {
  const peers = processes.filter((p) => p.role === 'peer' || p.role === 'seed');
  return Promise.all(
    peers.map(async (peer) => {
      const text = await (await fetch(`http://${peer.addresses['metrics'] ?? ''}/metrics`)).text();
      const sent = /^pondhawk_peer_upload_bytes_total(?:\{[^}]*\})? (\S+)$/m.exec(text)?.[1] ?? '0';
      return `${peer.name} served ${(Number(sent) / 2 ** 20).toFixed(0)} MiB to others`;
    }),
  );
}

/** Looks for files and rows of the task on every host. @throws DemoFailure if one is found. */
export async function checkNothingLeft(
  processes: readonly ProcessRecord[],
  taskId: string,
  projectDir: string,
): Promise<void> {
  for (const peer of processes.filter((p) => p.role === 'peer' || p.role === 'seed')) {
    const files = await readdir(join(peer.dataDir, 'content'), { recursive: true }).catch(() => []);
    if (files.some((file) => file.includes(taskId)))
      throw new DemoFailure(`${peer.name} still has a file of the task`);
    const list = await pondhawk(projectDir, [
      'task',
      'ls',
      '--json',
      '--socket',
      peer.addresses['socket'] ?? '',
    ]);
    if (list.code !== 0 || list.stdout.includes(taskId))
      throw new DemoFailure(`${peer.name} still has a row of the task`);
  }
  say('no file and no row of the task on any host');
}

function pondhawk(projectDir: string, args: readonly string[]): ReturnType<typeof runCommand> {
  return runCommand(
    process.execPath,
    [join(projectDir, 'apps', 'cli', 'bin', 'pondhawk.js'), ...args],
    { timeoutMs: DOWNLOAD_TIMEOUT_MS },
  );
}
