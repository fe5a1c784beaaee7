import { eventually } from '@pondhawk/testing';
import { Stage, type Job } from './stage.js';

const MIB = 1024 * 1024;

describe('A delete in trouble', () => {
  let stage: Stage;

  beforeEach(async () => {
    stage = await Stage.open({
      schedulers: 2,
      seeds: 0,
      peers: 4,
      env: { manager: { NODE_ENV: 'test', PONDHAWK_FAULT: 'manager.job.committed:kill@2' } },
    });
  }, 60_000);
  afterEach(async () => stage.close(), 30_000);

  it('reports the others at once while one host hangs, and that one as unreachable', async () => {
    const content = stage.serve(5 * MIB);
    for (const peer of ['peer-1', 'peer-2', 'peer-3', 'peer-4']) await stage.get(peer, content.url);
    stage.cluster.getProcess('peer-3').kill('SIGSTOP');
    const job = await stage.createJob({ type: 'delete_task', args: { url: content.url } });
    await eventually(
      async () => {
        const targets = (await stage.rest(`/api/v1/jobs/${job.id}/targets?outcome=deleted`)).body;
        expect(targets).toHaveLength(3);
        expect(((await stage.rest(`/api/v1/jobs/${job.id}?wait=0`)).body as Job).state).toBe(
          'PENDING',
        );
      },
      { timeoutMs: 10_000 },
    );
    const ended = await eventually(
      async () => {
        const now = (await stage.rest(`/api/v1/jobs/${job.id}`)).body as Job;
        expect(now.state).toBe('FAILURE');
        return now;
      },
      { timeoutMs: 30_000, intervalMs: 200 },
    );
    expect(ended.result.outcome).toBe('partial');
    expect(
      ended.result.failure_peers.map(({ peer, description }) => [
        peer.host_name,
        description.includes('HOST_UNREACHABLE'),
      ]),
    ).toEqual([['peer-3', true]]);
  }, 90_000);

  it('is finished after the manager died between commit and publish', async () => {
    const content = stage.serve(5 * MIB);
    await stage.get('peer-1', content.url);
    await stage.runJob({ type: 'get_task', args: { url: content.url } });
    const manager = stage.cluster.getProcess('manager');
    await expect(
      stage.createJob({ type: 'delete_task', args: { url: content.url } }),
    ).rejects.toThrow();
    await manager.ended;
    await stage.cluster.restart('manager');
    await eventually(
      async () => {
        const jobs = (await stage.rest('/api/v1/jobs?type=delete_task')).body as Job[];
        expect(jobs.map(({ state }) => state)).toEqual(['SUCCESS']);
      },
      { timeoutMs: 40_000, intervalMs: 200 },
    );
    for (const host of stage.hosts) expect(await stage.filesOf(host)).toEqual([]);
  }, 90_000);
});
