import { eventually } from '@pondhawk/testing';
import { Stage, type Job } from './stage.js';

/** Keepalives so often that a scheduler's death is known long before the lease of its order ends. */
const KEEPALIVE_MS = 500;
/** For 30 s after the manager's start nothing is taken over; a lease lasts 15 s. */
const TAKEN_OVER_MS_MAX = 60_000;
const LONG_LEASES = { schedulerLeaseMs: 60_000, hostLeaseMs: 60_000 };
const fault = (point: string) => ({ NODE_ENV: 'test', PONDHAWK_FAULT: `${point}:kill` });
const DYING = ['scheduler-1', 'scheduler-2'];

describe('An order whose scheduler dies', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({
      ...{ schedulers: 3, seeds: 0, peers: 3 },
      overrides: {
        scheduler: { keepAlive: { intervalMs: KEEPALIVE_MS } },
        manager: { leases: LONG_LEASES }, // Or hosts would be fenced before.
      },
      env: {
        // One before it does anything, one in the middle: while all hosts are silent it has just said so.
        'scheduler-1': fault('scheduler.order.received'),
        'scheduler-2': fault('scheduler.order.report-sent'),
      },
    });
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  it('is carried out by another scheduler, for all hosts, and the job ends once', async () => {
    const content = stage.serve(2_000_000);
    const peers = stage.hosts.map(({ name }) => name);
    for (const peer of peers) await stage.get(peer, content.url);
    const signal = (name: NodeJS.Signals) =>
      peers.forEach((peer) => stage.cluster.getProcess(peer).kill(name));
    signal('SIGSTOP');
    const created = await stage.createJob({ type: 'delete_task', args: { url: content.url } });
    for (const name of DYING) {
      expect((await stage.cluster.getProcess(name).ended).signal).toBe('SIGKILL');
    }
    signal('SIGCONT');
    expect((await jobOf(created.id)).state).toBe('PENDING');
    const ended = await eventually(
      async () => {
        const job = await jobOf(created.id);
        expect(job.state).not.toBe('PENDING');
        return job;
      },
      { timeoutMs: TAKEN_OVER_MS_MAX, intervalMs: 200 },
    );
    expect([ended.state, ended.result.counts]).toEqual([
      'SUCCESS',
      expect.objectContaining({ targets: 3, deleted: 3, failed: 0, pending: 0 }),
    ]);
    expect(ended.result.deleted_bytes).toBe(3 * content.body.length);
    for (const host of stage.hosts) expect(await stage.filesOf(host)).toEqual([]);
    // The messages of the dead are delivered to them again; their reports are of a former attempt.
    await Promise.all(DYING.map((name) => stage.cluster.restart(name)));
    const next = await stage.runJob({ type: 'delete_task', args: { url: content.url } });
    expect(next.result.counts).toMatchObject({ targets: 3, absent: 3 });
    expect(await jobOf(created.id)).toEqual(ended);
  }, 120_000);

  async function jobOf(id: number): Promise<Job> {
    return (await stage.rest(`/api/v1/jobs/${id}?wait=0`)).body as Job;
  }
});
