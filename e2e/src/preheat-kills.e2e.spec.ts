import { eventually } from '@pondhawk/testing';
import { Stage, type Content, type Job } from './stage.js';

const MIB = 1024 * 1024;
const PATIENCE = { timeoutMs: 60_000, intervalMs: 100 };

describe('A preheat whose daemons are killed in the middle', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 1, seeds: 1, peers: 2 });
    await stage.waitForLeases();
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  const preheat = ({ url }: Content, args: object = {}): object => ({
    type: 'preheat',
    args: { type: 'file', url, ...args },
  });
  const jobOf = async ({ id }: Job): Promise<Job> =>
    (await stage.rest(`/api/v1/jobs/${id}?wait=0`)).body as Job;
  const endOf = async (job: Job): Promise<Job> =>
    eventually(async () => {
      const last = await jobOf(job);
      expect(last.phase).toBe('ended');
      return last;
    }, PATIENCE);
  const isAsked = async ({ url }: Content): Promise<void> =>
    eventually(
      () => expect(stage.origin.requests.at(-1)?.path).toBe(new URL(url).pathname),
      PATIENCE,
    );

  it('is carried out by the scheduler that comes back', async () => {
    const held = stage.serveHeld(6 * MIB);
    const job = await stage.createJob(preheat(held, { scope: 'all_peers' }));
    await isAsked(held);
    await stage.kill('scheduler-1');
    held.release();
    await stage.cluster.restart('scheduler-1');
    const { state, result } = await endOf(job);
    const { preheated = 0, already_here = 0 } = result.counts as Record<string, number>;
    expect([state, result.outcome, preheated + already_here]).toEqual(['SUCCESS', 'complete', 2]);
    expect(await stage.get('peer-1', held.url)).toBe(held.sha256);
  }, 120_000);

  it('begins after the one before it though the manager was killed while it waited', async () => {
    const held = stage.serveHeld(6 * MIB);
    const first = await stage.createJob(preheat(held));
    await isAsked(held);
    const second = await stage.createJob(preheat(held));
    await stage.kill('manager');
    await stage.cluster.restart('manager');
    expect((await jobOf(second)).phase).toBe('accepted');
    held.release();
    expect((await endOf(first)).result.counts).toMatchObject({ preheated: 1 });
    expect((await endOf(second)).result.counts).toMatchObject({ already_here: 1 });
  }, 120_000);

  it('fails on a host that dies with it, by name, and a retry brings it there', async () => {
    const held = stage.serveHeld(6 * MIB);
    const job = await stage.createJob(preheat(held, { scope: 'all_peers', ips: ['127.0.0.1'] }));
    await isAsked(held);
    await stage.kill('peer-2');
    held.release();
    const { state, result } = await endOf(job);
    expect([state, result.outcome]).toEqual(['SUCCESS', 'partial']);
    expect(result.failure_peers.map(({ peer }) => peer.host_name)).toEqual(['peer-2']);
    await stage.cluster.restart('peer-2');
    await stage.waitForLeases();
    const again = await stage.rest(`/api/v1/jobs/${job.id}/retry`, { method: 'POST' });
    const retried = await endOf(again.body as Job);
    expect([retried.state, retried.result.outcome]).toEqual(['SUCCESS', 'complete']);
    expect(retried.result.counts).toMatchObject({ targets: 2, already_here: 1, preheated: 1 });
  }, 120_000);
});
