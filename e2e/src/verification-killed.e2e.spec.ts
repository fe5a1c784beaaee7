import { eventually } from '@pondhawk/testing';
import { Stage, type Job } from './stage.js';

describe('A scheduler that dies while it verifies a delete', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({
      ...{ schedulers: 1, seeds: 0, peers: 3 },
      // When it has asked one host; the counts of the others are lost with it.
      env: {
        'scheduler-1': { NODE_ENV: 'test', PONDHAWK_FAULT: 'scheduler.order.host-verified:kill' },
      },
    });
    await stage.waitForLeases();
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  it('verifies all of it when it is back, and the job ends with what was seen', async () => {
    const content = stage.serve(2_000_000);
    for (const { name } of stage.hosts) await stage.get(name, content.url);
    const args = { url: content.url, verify: true };
    const { id } = await stage.createJob({ type: 'delete_task', args });
    const jobOf = async () => (await stage.rest(`/api/v1/jobs/${id}?wait=0`)).body as Job;
    expect((await stage.cluster.getProcess('scheduler-1').ended).signal).toBe('SIGKILL');
    // All hosts have answered, and nothing is said to be verified yet.
    expect((await jobOf()).state).toBe('PENDING');
    await stage.cluster.restart('scheduler-1');
    const { state, result } = await eventually(
      async () => {
        const job = await jobOf();
        expect(job.phase).toBe('ended');
        return job;
      },
      { timeoutMs: 60_000, intervalMs: 200 },
    );
    expect([state, result.outcome, result.counts['deleted']]).toEqual(['SUCCESS', 'complete', 3]);
    expect(result.verification).toEqual({
      ...{ asked: 3, passed: 3, newer_copies: 0, failed: 0, unreachable: 0 },
    });
  }, 120_000);
});
