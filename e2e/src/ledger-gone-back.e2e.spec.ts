import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@pondhawk/testing';
import { Stage, type Job } from './stage.js';

const STOP_GRACE_MS = 10_000;
const DATABASE = 'manager.db';
const WITNESS = 'purge-log.witness';

describe('A ledger that is replaced by an older copy', () => {
  let stage: Stage;

  beforeEach(async () => {
    stage = await Stage.open({ schedulers: 1, seeds: 0, peers: 2 });
  }, 60_000);
  afterEach(async () => stage.close(), 30_000);

  it.each([
    ['is found out by its witness', [DATABASE]],
    [
      'is found out by its first scheduler or host when the witness was replaced along',
      [DATABASE, WITNESS],
    ],
  ])(
    '%s: every host drops its copies, readyz tells it, and no number is given again',
    async (_name, files) => {
      await purge();
      await withManagerStopped(() => copyAll(files, '', '.older'));
      expect([await purge(), await purge()]).toEqual([2, 3]);
      const content = stage.serve(100_000);
      await Promise.all(['peer-1', 'peer-2'].map((peer) => stage.get(peer, content.url)));
      await withManagerStopped(() => copyAll(files, '.older', ''));
      await eventually(
        async () => {
          for (const host of stage.hosts) expect(await stage.filesOf(host)).toEqual([]);
        },
        { timeoutMs: 20_000 },
      );
      const told = await stage.rest('/readyz');
      expect([told.status, JSON.stringify(told.body)]).toEqual([
        503,
        expect.stringContaining('a new epoch, hosts dropped what they held'),
      ]);
      const answer = await stage.rest('/api/v1/purge-log/acknowledge', { method: 'POST' });
      expect(answer.status).toBe(200);
      await eventually(async () => expect((await stage.rest('/readyz')).status).toBe(200), {
        timeoutMs: 10_000,
      });
      expect(await purge()).toBe(4);
      expect(await stage.get('peer-1', content.url)).toBe(content.sha256);
      expect(await purge(content.url)).toBe(5);
      expect(await stage.filesOf(stage.cluster.record('peer-1'))).toEqual([]);
    },
    60_000,
  );

  /** @returns the purge's number. */
  async function purge(url = stage.serve(10).url): Promise<number | undefined> {
    const job: Job = await stage.runJob({ type: 'delete_task', args: { url } });
    expect(job.state).toBe('SUCCESS');
    return job.result.purge_seq?.['1'];
  }

  async function withManagerStopped(act: () => Promise<void>): Promise<void> {
    await stage.cluster.getProcess('manager').stop(STOP_GRACE_MS);
    await act();
    await stage.cluster.restart('manager');
    await eventually(
      async () => {
        const schedulers = (await stage.rest('/api/v1/schedulers')).body as { state: string }[];
        expect(schedulers).toMatchObject([{ state: 'active' }]);
      },
      { timeoutMs: 15_000 },
    );
  }

  async function copyAll(files: readonly string[], from: string, to: string): Promise<void> {
    const { dataDir } = stage.cluster.record('manager');
    for (const file of files) {
      await copyFile(join(dataDir, file + from), join(dataDir, file + to));
      if (file === DATABASE) {
        for (const rest of ['-wal', '-shm']) await rm(join(dataDir, file + rest), { force: true });
      }
    }
  }
});
