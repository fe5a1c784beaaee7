import { join } from 'node:path';
import Database from 'better-sqlite3';
import { eventually } from '@pondhawk/testing';
import { Stage, type Job } from './stage.js';

const JSON_BODY = { 'content-type': 'application/json' };
const PATIENCE = { timeoutMs: 40_000, intervalMs: 200 };

interface Target {
  readonly node: string;
  readonly outcome: string;
  readonly hosts: number | null;
}

describe('The list of hosts, told anew by real schedulers', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 2, seeds: 0, peers: 3 });
    await stage.waitForLeases();
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  const sync = async (): Promise<Job & { readonly result: { readonly hosts: number } }> => {
    const body = JSON.stringify({ type: 'sync_peers', scheduler_cluster_ids: [1] });
    const answer = await stage.rest('/api/v1/jobs', { method: 'POST', body, headers: JSON_BODY });
    expect(answer.status).toBe(200);
    return answer.body as Awaited<ReturnType<typeof sync>>;
  };
  const states = async (): Promise<Record<string, string>> => {
    const { body } = await stage.rest('/api/v1/peers');
    const rows = body as { readonly host_name: string; readonly state: string }[];
    return Object.fromEntries(rows.map(({ host_name, state }) => [host_name, state]));
  };
  const ALL = { 'peer-1': 'active', 'peer-2': 'active', 'peer-3': 'active' };

  it('brings back what the ledger has wrong or has forgotten, by the time it is answered', async () => {
    await eventually(async () => expect(await states()).toEqual(ALL), PATIENCE);
    const { dataDir } = stage.cluster.record('manager');
    const database = new Database(join(dataDir, 'manager.db'), { timeout: 5_000 });
    database.exec(
      `UPDATE peers SET state = 'inactive', lost_at_ms = 1 WHERE host_name = 'peer-1';
       DELETE FROM peers WHERE host_name = 'peer-2'`,
    );
    database.close();
    expect(await states()).toEqual({ 'peer-1': 'inactive', 'peer-3': 'active' });
    const job = await sync();
    expect([job.state, job.result.outcome, job.result.hosts]).toEqual(['SUCCESS', 'complete', 3]);
    expect(await states()).toEqual(ALL);
    const targets = (await stage.rest(`/api/v1/jobs/${job.id}/targets`)).body as Target[];
    expect(targets.map(({ node, outcome }) => [node.split(':')[0], outcome])).toEqual([
      ...[1, 2].map(() => ['scheduler', 'answered']),
    ]);
    expect(targets.reduce((sum, { hosts }) => sum + (hosts ?? 0), 0)).toBe(3);
  }, 60_000);

  it('shows a host inactive that was killed', async () => {
    await stage.kill('peer-3');
    await eventually(async () => {
      const { result } = await sync();
      expect([result.hosts, await states()]).toEqual([2, { ...ALL, 'peer-3': 'inactive' }]);
    }, PATIENCE);
    await stage.cluster.restart('peer-3');
    await eventually(async () => {
      const { result } = await sync();
      expect([result.hosts, await states()]).toEqual([3, ALL]);
    }, PATIENCE);
  }, 60_000);

  it('is told by the scheduler that is left, in the name of one that was killed as well', async () => {
    await stage.kill('scheduler-2');
    const { stdout, code } = await stage.pondhawk('job', 'create', 'sync_peers', '--wait');
    expect([code, stdout]).toEqual([0, expect.stringContaining('2 of 2 schedulers done')]);
    await stage.cluster.restart('scheduler-2');
    await eventually(async () => expect(await states()).toEqual(ALL), PATIENCE);
  }, 120_000);
});
