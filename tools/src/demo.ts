/** `npm run demo`: a file reaches every peer of a real cluster, and one call clears it everywhere. */

import { createHash, randomFillSync } from 'node:crypto';
import { resolve } from 'node:path';
import { toError } from '@pondhawk/core';
import { LocalCluster, makeTempDir, OriginServer } from '@pondhawk/testing';
import { clearEverywhere, findHolders } from './demo/clearing.js';
import { checkNothingLeft, downloadOnAll, whoServedWhom, type DemoPeer } from './demo/downloads.js';
import { say, seconds, step, DemoFailure } from './demo/say.js';

const FILE_BYTES = 64 * 1024 * 1024;
const PATH = '/model.bin';
const ORIGIN_SHARE_MAX = 1.25;

async function main(): Promise<void> {
  const projectDir = resolve(__dirname, '..', '..');
  const folder = await makeTempDir();
  const origin = new OriginServer();
  const cluster = new LocalCluster({
    dir: folder.path,
    schedulers: 2,
    seeds: 1,
    peers: 3,
    projectDir,
  });
  const interrupted = new Promise<never>((_, reject) => {
    process.on('SIGINT', () => reject(new DemoFailure('interrupted')));
    process.on('SIGTERM', () => reject(new DemoFailure('interrupted')));
  });
  try {
    await Promise.race([interrupted, play(cluster, origin, { projectDir, dir: folder.path })]);
  } finally {
    await cluster.stop();
    await origin.stop();
    await folder.remove();
  }
}

async function play(
  cluster: LocalCluster,
  origin: OriginServer,
  place: { projectDir: string; dir: string },
): Promise<void> {
  await origin.start();
  const body = randomFillSync(Buffer.alloc(FILE_BYTES));
  const sha256 = createHash('sha256').update(body).digest('hex');
  origin.serve(PATH, { body, etag: '"v1"' });

  step('A cluster: NATS, a manager, 2 schedulers, a seed peer and 3 peers, each its own process');
  const startedAt = performance.now();
  const record = await cluster.start();
  say(`up after ${seconds(startedAt)}, manager at ${record.manager.url}`);
  const peers: DemoPeer[] = record.processes.filter((p) => p.role === 'peer');

  step('64 MiB to every peer, all at once');
  const url = origin.url(PATH);
  await downloadOnAll(peers, { url, sha256, ...place });
  const share = origin.sentBytes / FILE_BYTES;
  say(`the origin sent ${share.toFixed(2)} times the file, for ${peers.length} peers and a seed`);
  if (share > ORIGIN_SHARE_MAX)
    throw new DemoFailure(`the origin sent more than ${ORIGIN_SHARE_MAX} times the file`);
  for (const line of await whoServedWhom(record.processes)) say(line);

  step('Who holds it?');
  const { taskId, hosts } = await findHolders(record.manager, url);
  say(`task ${taskId}`);
  say(`held by ${hosts.join(', ')}`);

  step('One call clears it everywhere');
  await clearEverywhere(record.manager, taskId, hosts.length);

  step('Nothing is left');
  await checkNothingLeft(record.processes, taskId, place.projectDir);
  const before = origin.sentBytes;
  await downloadOnAll(peers.slice(0, 1), { url, sha256, ...place });
  const again = (origin.sentBytes - before) / FILE_BYTES;
  say(`the next download went to the origin again: ${again.toFixed(2)} times the file`);
  if (again < 1) throw new DemoFailure('bytes came from a cache that had been cleared');
}

main().then(
  () => process.stdout.write('\nAll of it worked.\n'),
  (thrown: unknown) => {
    const error = toError(thrown);
    const cause = error.cause instanceof Error ? `\n  because: ${error.cause.message}` : '';
    process.stderr.write(`\nThe demo failed: ${error.message}${cause}\n`);
    process.exitCode = 1;
  },
);
