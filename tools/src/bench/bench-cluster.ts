/** A cluster for one part of the bench, with an origin in a process of its own. */

import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { randomFillSync } from 'node:crypto';
import {
  eventually,
  type ManagerAccess,
  LocalCluster,
  makeTempDir,
  type ClusterRecord,
  type LocalClusterOptions,
} from '@pondhawk/testing';
import { countHosts } from './bench-jobs.js';
import { MIB, type BenchOptions } from './bench-options.js';
import { FileServer } from './file-server.js';

/** What the part needs. */
export type BenchShape = Pick<LocalClusterOptions, 'schedulers' | 'seeds' | 'peers' | 'env'>;

const ANNOUNCE_TIMEOUT_MS = 60_000;
/** Names of the origin's files. */
const ORIGIN_FOLDER = 'origin';

/** What a part works with. */
export interface BenchCluster {
  readonly dir: string;
  readonly cluster: LocalCluster;
  readonly record: ClusterRecord;
  readonly origin: FileServer;
}

/**
 * Starts a cluster and an origin, runs `work` as soon as a job reaches every host, and leaves
 * nothing behind.
 */
export async function withCluster<T>(
  { projectDir, signal }: BenchOptions,
  shape: BenchShape,
  work: (bench: BenchCluster) => Promise<T>,
): Promise<T> {
  const folder = await makeTempDir();
  const cluster = new LocalCluster({ dir: folder.path, projectDir, ...shape });
  let origin: FileServer | undefined;
  const aborted = new Promise<never>((_, reject) => {
    const leave = (): void => reject(new Error('interrupted'));
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
  const play = async (): Promise<T> => {
    await mkdir(join(folder.path, ORIGIN_FOLDER));
    origin = await FileServer.start(join(folder.path, ORIGIN_FOLDER));
    const record = await cluster.start();
    const hosts = shape.peers + shape.seeds;
    if (hosts > 0) await waitForHosts(record.manager, hosts);
    return work({ dir: folder.path, cluster, record, origin });
  };
  try {
    return await Promise.race([aborted, play()]);
  } finally {
    await cluster.stop();
    await origin?.stop();
    await folder.remove();
  }
}

/** Waits until a job asks just so many hosts. */
export async function waitForHosts(manager: ManagerAccess, hosts: number): Promise<void> {
  await eventually(async () => (await countHosts(manager)) === hosts, {
    timeoutMs: ANNOUNCE_TIMEOUT_MS,
    intervalMs: 250,
  });
}

/** Writes a file of random bytes for the origin and syncs it. @returns its URL and path. */
export async function writeOriginFile(
  { dir, origin }: BenchCluster,
  name: string,
  sizeBytes: number,
): Promise<{ url: string; path: string }> {
  const path = join(dir, ORIGIN_FOLDER, name);
  const file = await open(path, 'w');
  try {
    const block = Buffer.allocUnsafe(Math.min(8 * MIB, sizeBytes));
    for (let at = 0; at < sizeBytes; at += block.length) {
      await file.write(randomFillSync(block), 0, Math.min(block.length, sizeBytes - at));
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  return { url: origin.url(name), path };
}
