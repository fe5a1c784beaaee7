import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@pondhawk/testing';
import Database from 'better-sqlite3';
import { Stage, type Job } from './stage.js';

const MIB = 1024 * 1024;
const PEERS = ['peer-1', 'peer-2', 'peer-3'];
/** It may come in time, on a slow machine. */
const ROUNDS_MAX = 5;
const WAIT = { timeoutMs: 20_000, intervalMs: 20 };

describe('A ledger that cannot be written while hosts answer', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 1, seeds: 0, peers: PEERS.length });
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  const givenBack = async (code: string): Promise<number> =>
    (await readFile(stage.cluster.record('manager').logFile, 'utf8'))
      .split('\n')
      .filter((line) => line.includes('report will come again') && line.includes(code)).length;
  const signal = (names: readonly string[], name: NodeJS.Signals): void => {
    for (const peer of names) stage.cluster.getProcess(peer).kill(name);
  };

  const earlyReports = async (): Promise<number> => {
    const { addresses } = stage.cluster.record('manager');
    const answer = await fetch(`http://${addresses['metrics']}/metrics`);
    const line = /^pondhawk_manager_reports_total\{status="early"\} (\d+)$/m.exec(
      await answer.text(),
    );
    return Number(line?.[1] ?? 0);
  };
  const jobOf = async (id: number): Promise<Job> =>
    (await stage.rest(`/api/v1/jobs/${id}`)).body as Job;
  /** A delete of which the first outcomes come while the ledger is locked, and the last one right after. */
  const deleteWhileLocked = async (url: string): Promise<Job> => {
    const ledger = new Database(join(stage.cluster.record('manager').dataDir, 'manager.db'));
    const before = await givenBack('DATABASE_BUSY');
    signal(PEERS, 'SIGSTOP');
    try {
      const job = await stage.createJob({ type: 'delete_task', args: { url } });
      // Its order has come, and nobody answers.
      await eventually(async () => expect((await jobOf(job.id)).phase).toBe('running'), WAIT);
      ledger.exec('BEGIN IMMEDIATE');
      signal(PEERS.slice(0, 2), 'SIGCONT');
      await eventually(
        async () => expect(await givenBack('DATABASE_BUSY')).toBeGreaterThan(before),
        WAIT,
      );
      return job;
    } finally {
      ledger.close();
      signal(PEERS, 'SIGCONT');
    }
  };

  it('accounts for every host, though the last report overtakes the one before it', async () => {
    for (let round = 1; (await earlyReports()) === 0; round += 1) {
      expect(round).toBeLessThanOrEqual(ROUNDS_MAX);
      const content = stage.serve(MIB);
      await stage.waitForLeases();
      for (const peer of PEERS) await stage.get(peer, content.url);
      const { id } = await deleteWhileLocked(content.url);
      const ended = await eventually(async () => {
        const now = await jobOf(id);
        expect(now.state).not.toBe('PENDING');
        return now;
      }, WAIT);
      expect([ended.state, ended.result.outcome]).toEqual(['SUCCESS', 'complete']);
      expect(ended.result.counts).toMatchObject({ targets: 3, deleted: 3, fenced: 0 });
      for (const peer of PEERS) {
        expect(await stage.filesOf(stage.cluster.record(peer))).toEqual([]);
      }
    }
  }, 180_000);
});
