import { eventually } from '@pondhawk/testing';
import { FakeHosts } from './fake-hosts.js';
import { Stage, type HostResult, type Job } from './stage.js';

const MIB = 1024 * 1024;
const REAL = ['peer-1', 'peer-2', 'peer-3'];
const FAKE_COUNT = 17;
const FAKE = Array.from({ length: FAKE_COUNT }, (_, index) => `fake-${index + 1}`);
/** What each fake host takes for a deletion: long enough that calls pile up. */
const SLOW_MS = 150;

describe('A delete on twenty hosts of two schedulers', () => {
  let stage: Stage;
  let fakes: FakeHosts;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 2, seeds: 0, peers: REAL.length });
    const schedulers = ['scheduler-1', 'scheduler-2'].map(
      (name) => stage.cluster.record(name).addresses['grpc'] ?? '',
    );
    fakes = await FakeHosts.start({ count: FAKE_COUNT, schedulers });
  }, 60_000);
  afterAll(async () => {
    await fakes.stop();
    await stage.close();
  }, 30_000);
  beforeEach(() => {
    fakes.deleteTakesMs = SLOW_MS;
    fakes.takeCalls();
  });

  it('asks every host once, four at a time where the parallelism is four', async () => {
    const args = { task_id: 'a'.repeat(64), parallelism: 4 };
    const job = await stage.runJob({ type: 'delete_task', args });
    expect([job.state, job.result.counts['targets']]).toEqual(['SUCCESS', 20]);
    expect(fakes.takeCalls()).toEqual({ called: [...FAKE].sort(), openMost: 4 });
  }, 30_000);

  it('asks one host at each scheduler where the parallelism is two', async () => {
    const args = { task_id: 'b'.repeat(64), parallelism: 2 };
    await stage.runJob({ type: 'delete_task', args });
    expect(fakes.takeCalls()).toEqual({ called: [...FAKE].sort(), openMost: 2 });
  }, 30_000);

  it('asks many at a time where nobody limits it', async () => {
    await stage.runJob({ type: 'delete_task', args: { task_id: 'c'.repeat(64) } });
    const { called, openMost } = fakes.takeCalls();
    expect(called).toEqual([...FAKE].sort());
    expect(openMost).toBeGreaterThan(8);
  }, 30_000);

  it('names nineteen hosts within a second while the twentieth hangs', async () => {
    fakes.deleteTakesMs = 0;
    const content = stage.serve(5 * MIB);
    for (const peer of REAL) await stage.get(peer, content.url);
    const hung = stage.cluster.getProcess('peer-3');
    hung.kill('SIGSTOP');
    try {
      const job = await stage.createJob({ type: 'delete_task', args: { url: content.url } });
      const done = await eventually(async () => doneTargets(job, 19), { timeoutMs: 1_000 });
      expect(done.sort()).toEqual([...FAKE, 'peer-1', 'peer-2'].sort());
      const now = (await stage.rest(`/api/v1/jobs/${job.id}?wait=0`)).body as Job;
      expect(now.state).toBe('PENDING');
    } finally {
      hung.kill('SIGCONT');
    }
  }, 60_000);

  async function doneTargets(job: Job, count: number): Promise<string[]> {
    const path = `/api/v1/jobs/${job.id}/targets?per_page=50&outcome=deleted`;
    const targets = (await stage.rest(path)).body as HostResult[];
    expect(targets).toHaveLength(count);
    return targets.map(({ peer }) => peer.host_name);
  }
});
