import { join } from 'node:path';
import Database from 'better-sqlite3';
import { eventually } from '@pondhawk/testing';
import { Stage, type Job } from './stage.js';

/** Short, so that whoever is silent is fenced after 5 s, and long enough to be looked at before. */
const LEASES = { schedulerLeaseMs: 2_000, hostLeaseMs: 2_000, marginMs: 1_000 };
const BOUND_MS = 5_000;
const ID = 'a'.repeat(64);
const PATIENCE = { timeoutMs: 20_000, intervalMs: 100 };

interface PeerRow {
  readonly host_name: string;
  readonly applied: number | null;
  readonly lag: number | null;
  readonly takes_leases: boolean;
  readonly lease_ends_at: string | null;
  readonly enrolment: { readonly lost_at: string | null; readonly connections: number } | null;
}

describe('What operators see of a purge', () => {
  let stage: Stage;

  beforeAll(async () => {
    const overrides = { manager: { leases: LEASES } };
    stage = await Stage.open({ schedulers: 2, seeds: 0, peers: 2, overrides });
    await stage.waitForLeases();
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  const peers = async () => (await stage.rest('/api/v1/peers')).body as PeerRow[];
  const peer = async (name: string) => (await peers()).find(({ host_name }) => host_name === name);
  const jobOf = async (id: number) => (await stage.rest(`/api/v1/jobs/${id}?wait=0`)).body as Job;
  const metrics = async () => {
    const { addresses } = stage.cluster.record('manager');
    return (await fetch(`http://${addresses['metrics']}/metrics`)).text();
  };
  const valueOf = async (metric: string): Promise<number> =>
    Number(new RegExp(`^${metric} (\\S+)$`, 'm').exec(await metrics())?.[1]);

  it('shows of each host how far it is, until when it may have a lease, and that it is enrolled', async () => {
    const { result } = await stage.runJob({ type: 'delete_task', args: { task_id: ID } });
    const head = result.purge_seq?.['1'] ?? 0;
    await eventually(async () => {
      for (const row of await peers()) {
        expect(row).toMatchObject({
          ...{ applied: head, lag: 0, takes_leases: true },
          enrolment: { lost_at: null, connections: 1 },
        });
        expect(Date.parse(row.lease_ends_at ?? '')).toBeGreaterThan(Date.now());
      }
    }, PATIENCE);
    expect(await valueOf('pondhawk_manager_hosts_behind')).toBe(0);
    const log = (await stage.rest('/api/v1/clusters/1/purge-log')).body as { seq: number }[];
    expect(log.map(({ seq }) => seq)).toEqual(Array.from({ length: head }, (_, at) => head - at));
  }, 60_000);

  it('shows who is behind, for how long it is waited for, and that it has no lease any more', async () => {
    const stopped = stage.cluster.getProcess('peer-2');
    stopped.kill('SIGSTOP');
    try {
      const { id } = await stage.createJob({ type: 'delete_task', args: { task_id: ID } });
      const { result } = await jobOf(id);
      expect(result.fences_hold_in_ms).toBeGreaterThan(0);
      expect(result.fences_hold_in_ms).toBeLessThanOrEqual(BOUND_MS);
      await eventually(async () => {
        expect(await peer('peer-2')).toMatchObject({ lag: 1 });
        expect(await valueOf('pondhawk_manager_hosts_behind')).toBe(1);
        expect(await valueOf('pondhawk_manager_oldest_unapplied_seconds')).toBeGreaterThan(0);
      }, PATIENCE);
      const ended = await eventually(async () => {
        const job = await jobOf(id);
        expect(job.state).toBe('SUCCESS');
        return job;
      }, PATIENCE);
      expect(ended.result.counts).toMatchObject({ absent: 1, fenced: 1 });
      expect(ended.result.fences_hold_in_ms).toBeNull();
      await eventually(async () => {
        const row = await peer('peer-2');
        expect(row).toMatchObject({ lag: 1, lease_ends_at: null });
        expect(row?.enrolment?.lost_at).not.toBeNull();
      }, PATIENCE);
      const text = await metrics();
      expect(text).toMatch(
        /^pondhawk_manager_job_duration_seconds_count\{type="delete_task"\} 2$/m,
      );
      expect(await valueOf('pondhawk_manager_outbox_lag_seconds')).toBe(0);
      expect(await valueOf('pondhawk_manager_ledger_commit_seconds_count')).toBeGreaterThan(0);
    } finally {
      stopped.kill('SIGCONT');
    }
    await eventually(async () => expect(await peer('peer-2')).toMatchObject({ lag: 0 }), PATIENCE);
  }, 90_000);

  it('is told again after the manager was started anew', async () => {
    await stage.kill('manager');
    await stage.cluster.restart('manager');
    await eventually(async () => {
      expect((await peers()).map(({ lag }) => lag)).toEqual([0, 0]);
    }, PATIENCE);
  }, 60_000);

  it('finds out whoever changes the audit log by hand', async () => {
    const whole = await stage.pondhawk('audit-log', 'verify');
    expect([whole.code, whole.stderr]).toEqual([0, '']);
    const database = new Database(join(stage.cluster.record('manager').dataDir, 'manager.db'), {
      timeout: 5_000,
    });
    const id = database.prepare('select min(id) + 1 from audits').pluck().get() as number;
    database.prepare("update audits set actor_name = 'nobody' where id = ?").run(id);
    database.close();
    const changed = await stage.pondhawk('audit-log', 'verify');
    expect([changed.code, changed.stdout]).toEqual([
      1,
      expect.stringContaining(`entry ${id} is changed`),
    ]);
  }, 60_000);
});
