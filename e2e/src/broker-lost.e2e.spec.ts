import { rm } from 'node:fs/promises';
import { eventually } from '@pondhawk/testing';
import { Stage, type Job } from './stage.js';

const JOBS = 20;
const END_MS_MAX = 30_000;

describe('A broker that is killed and comes back without its data', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 2, seeds: 0, peers: 2 });
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  it('loses no job: those under way, those accepted meanwhile and those after it end once', async () => {
    const content = stage.serve(100_000);
    await Promise.all(['peer-1', 'peer-2'].map((peer) => stage.get(peer, content.url)));
    // Some are delivered and not acknowledged, some on their way, some done when it dies.
    const before = await Promise.all(Array.from({ length: JOBS }, () => create()));
    await stage.kill('nats');
    const meanwhile = await Promise.all(Array.from({ length: 3 }, () => create()));
    await rm(stage.cluster.record('nats').dataDir, { recursive: true, force: true });
    await stage.cluster.restart('nats');
    const ended = await allEnded([...before, ...meanwhile]);
    expect(ended.map(({ state }) => state)).toEqual(ended.map(() => 'SUCCESS'));
    const after = await stage.runJob({ type: 'delete_task', args: { url: content.url } });
    expect(after.state).toBe('SUCCESS');
    for (const job of ended) expect(await jobOf(job.id)).toEqual(job);
    for (const host of stage.hosts) expect(await stage.filesOf(host)).toEqual([]);
  }, 90_000);

  async function create(): Promise<Job> {
    return stage.createJob({ type: 'delete_task', args: { url: stage.serve(10).url } });
  }

  async function allEnded(jobs: readonly Job[]): Promise<Job[]> {
    return eventually(
      async () => {
        const now = await Promise.all(jobs.map(({ id }) => jobOf(id)));
        expect(now.filter(({ state }) => state === 'PENDING')).toEqual([]);
        return now;
      },
      { timeoutMs: END_MS_MAX },
    );
  }

  async function jobOf(id: number): Promise<Job> {
    return (await stage.rest(`/api/v1/jobs/${id}?wait=0`)).body as Job;
  }
});
