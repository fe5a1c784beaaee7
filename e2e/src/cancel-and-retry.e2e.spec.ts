import { eventually } from '@pondhawk/testing';
import { Stage, type Job } from './stage.js';

const PATIENCE = { timeoutMs: 40_000, intervalMs: 100 };
/** Longer than the test: nobody is fenced in it. */
const LONG_LEASES = { schedulerLeaseMs: 120_000, hostLeaseMs: 120_000 };

describe('A delete that is cancelled on a real scheduler', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({
      ...{ schedulers: 1, seeds: 0, peers: 3 },
      overrides: { manager: { leases: LONG_LEASES } },
    });
    await stage.waitForLeases();
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  const jobOf = async (id: number) => (await stage.rest(`/api/v1/jobs/${id}?wait=0`)).body as Job;
  const post = async (path: string) => {
    const { status, body } = await stage.rest(path, { method: 'POST' });
    expect([path, status]).toEqual([path, 200]);
    return body as Job & { readonly retry_of?: number };
  };
  const ended = (id: number): Promise<Job> =>
    eventually(async () => {
      const job = await jobOf(id);
      expect(job.phase).toBe('ended');
      return job;
    }, PATIENCE);

  it('asks no further host, waits for the one under way, and the rest is made up for by a retry', async () => {
    const content = stage.serve(1_000_000);
    const peers = stage.hosts.map(({ name }) => name);
    for (const peer of peers) expect(await stage.get(peer, content.url)).toBe(content.sha256);
    const signal = (name: NodeJS.Signals) =>
      peers.forEach((peer) => stage.cluster.getProcess(peer).kill(name));
    signal('SIGSTOP');
    // A scheduler that has no streams must call, one host after another.
    await stage.kill('scheduler-1');
    await stage.cluster.restart('scheduler-1');
    const args = { url: content.url, parallelism: 1 };
    const { id } = await stage.createJob({ type: 'delete_task', args });
    await eventually(async () => expect((await jobOf(id)).phase).toBe('running'), PATIENCE);
    await post(`/api/v1/jobs/${id}/cancel`);
    const waiting = await eventually(async () => {
      const job = await jobOf(id);
      expect(job.result.counts).toMatchObject({ skipped: 2 });
      return job;
    }, PATIENCE);
    expect([waiting.state, waiting.result.counts]).toEqual([
      ...['PENDING', expect.objectContaining({ targets: 3, pending: 1 })],
    ]);
    signal('SIGCONT');
    const cancelled = await ended(id);
    expect([cancelled.state, cancelled.result.outcome]).toEqual(['FAILURE', 'cancelled']);
    const { counts } = cancelled.result;
    expect(counts).toMatchObject({ targets: 3, skipped: 2, failed: 0, fenced: 0, pending: 0 });
    expect((counts['deleted'] ?? 0) + (counts['absent'] ?? 0)).toBe(1);
    const again = await post(`/api/v1/jobs/${id}/cancel`);
    expect(again.result).toEqual(cancelled.result);

    const retry = await post(`/api/v1/jobs/${id}/retry`);
    expect(retry.retry_of).toBe(id);
    const whole = await ended(retry.id);
    expect([whole.state, whole.result.outcome]).toEqual(['SUCCESS', 'complete']);
    expect(whole.result).toMatchObject({
      ...{ purge_seq: cancelled.result.purge_seq, settled_before: 1 },
      counts: { targets: 2, failed: 0, skipped: 0 },
    });
    for (const host of stage.hosts) expect(await stage.filesOf(host)).toEqual([]);
    expect((await jobOf(id)).result.outcome).toBe('cancelled');
  }, 120_000);
});
