import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { eventually, runCommand } from '@pondhawk/testing';
import { PROJECT_DIR, Stage, type CommandResult, type Job } from './stage.js';

const STOP_GRACE_MS = 10_000;
const COMMAND_TIMEOUT_MS = 20_000;
const EXIT_CONFIG = 2;

describe('A ledger that is backed up and restored', () => {
  let stage: Stage;

  beforeEach(async () => {
    stage = await Stage.open({ schedulers: 1, seeds: 0, peers: 2 });
  }, 60_000);
  afterEach(async () => stage.close(), 30_000);

  it('has a new log id: hosts drop what they hold, jobs under way end, others begin, no number comes twice', async () => {
    expect(await purge()).toBe(1);
    const backup = join(stage.folder.path, 'ledger.backup');
    const job = await withPeerStopped('peer-2', async () => {
      const pending = await stage.createJob({
        type: 'delete_task',
        args: { url: stage.serve(10).url },
      });
      expect(await manager('backup', backup)).toMatchObject({ code: 0 });
      return pending;
    });
    expect(phaseIn(backup, job)).not.toBe('ended');
    expect(await endOf(job)).toBe('SUCCESS');
    // Of this the backup knows nothing.
    expect([await purge(), await purge()]).toEqual([3, 4]);
    const content = stage.serve(100_000);
    await Promise.all(['peer-1', 'peer-2'].map((peer) => stage.get(peer, content.url)));

    expect(await manager('restore', backup)).toMatchObject({
      code: EXIT_CONFIG,
      stderr: expect.stringContaining('DATA_FOLDER_IN_USE') as string,
    });
    await stage.cluster.getProcess('manager').stop(STOP_GRACE_MS);
    const restored = await manager('restore', backup);
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    await stage.cluster.restart('manager');

    await eventually(
      async () => {
        for (const host of stage.hosts) expect(await stage.filesOf(host)).toEqual([]);
      },
      { timeoutMs: 20_000 },
    );
    const told = await stage.rest('/readyz');
    expect([told.status, JSON.stringify(told.body)]).toEqual([
      503,
      expect.stringContaining('the ledger was restored from a backup; acknowledge it'),
    ]);
    await stage.rest('/api/v1/purge-log/acknowledge', { method: 'POST' });
    expect(await endOf(job)).toBe('SUCCESS');
    expect(await stage.get('peer-1', content.url)).toBe(content.sha256);
    expect(await purge(content.url)).toBe(5);
    expect(await stage.filesOf(stage.cluster.record('peer-1'))).toEqual([]);
    const { dataDir } = stage.cluster.record('manager');
    const names = await readdir(dataDir);
    expect(names.filter((name) => name.startsWith('manager.db.'))).toEqual([
      expect.stringContaining('manager.db.before-'),
    ]);
  }, 120_000);

  /** Runs `pondhawk-manager` with the settings of the cluster's manager. */
  function manager(word: 'backup' | 'restore', file: string): Promise<CommandResult> {
    const command = join(PROJECT_DIR, 'apps', 'manager', 'bin', 'pondhawk-manager.js');
    const config = join(stage.folder.path, 'config', 'manager.yaml');
    return runCommand(process.execPath, [command, word, file, '--config', config], {
      timeoutMs: COMMAND_TIMEOUT_MS,
    });
  }

  async function withPeerStopped<T>(name: string, act: () => Promise<T>): Promise<T> {
    const peer = stage.cluster.getProcess(name);
    peer.kill('SIGSTOP');
    try {
      return await act();
    } finally {
      peer.kill('SIGCONT');
    }
  }

  async function endOf({ id }: Job): Promise<string> {
    let job: Job | undefined;
    await eventually(
      async () => {
        job = (await stage.rest(`/api/v1/jobs/${id}?wait=1s`)).body as Job;
        expect(job.phase).toBe('ended');
      },
      { timeoutMs: 30_000 },
    );
    return job!.state;
  }

  /** How far a job is in a backup. */
  function phaseIn(file: string, { id }: Job): unknown {
    const db = new Database(file, { readonly: true });
    try {
      return db.prepare('SELECT phase FROM jobs WHERE id = ?').pluck().get(id);
    } finally {
      db.close();
    }
  }

  /** @returns the purge's number. */
  async function purge(url = stage.serve(10).url): Promise<number | undefined> {
    const job: Job = await stage.runJob({ type: 'delete_task', args: { url } });
    expect(job.state).toBe('SUCCESS');
    return job.result.purge_seq?.['1'];
  }
});
