import { rm } from 'node:fs/promises';
import { eventually } from '@pondhawk/testing';
import { Stage, type Job } from './stage.js';

const PEERS = ['peer-1', 'peer-2'];
const JOBS = 20;
/** Of these the orders are in the hands of the schedulers when the broker dies. */
const HELD_JOBS = 10;
const PATIENCE = { timeoutMs: 10_000 };
const END_MS_MAX = 30_000;

describe('A broker that is killed and comes back without its data', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 2, seeds: 0, peers: 2 });
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  it('loses no job: those under way, those accepted meanwhile and those after it end once', async () => {
    const contents = Array.from({ length: HELD_JOBS }, () => stage.serve(10_000));
    for (const { url } of contents) {
      await Promise.all(PEERS.map((peer) => stage.get(peer, url)));
    }
    // Hosts that answer nobody: the orders are delivered, and nobody has acknowledged them.
    for (const peer of PEERS) stage.cluster.getProcess(peer).kill('SIGSTOP');
    const held = await Promise.all(contents.map(({ url }) => create(url)));
    await eventually(async () => {
      const { phase } = await jobOf(held.at(-1)!.id);
      expect(phase).toBe('running'); // Its hosts were reported as pending.
    }, PATIENCE);
    const sent = await Promise.all(Array.from({ length: JOBS - HELD_JOBS }, () => create()));
    await stage.kill('nats');
    const meanwhile = await Promise.all(Array.from({ length: 3 }, () => create()));
    for (const peer of PEERS) stage.cluster.getProcess(peer).kill('SIGCONT');
    await rm(stage.cluster.record('nats').dataDir, { recursive: true, force: true });
    await stage.cluster.restart('nats');
    const ended = await allEnded([...held, ...sent, ...meanwhile]);
    expect(ended.map(({ state }) => state)).toEqual(ended.map(() => 'SUCCESS'));
    for (const { result } of ended.slice(0, HELD_JOBS)) {
      expect(result.counts).toMatchObject({ targets: 2, deleted: 2 });
      expect(result.deleted_bytes).toBe(20_000);
    }
    const numbers = ended.map(({ result }) => result.purge_seq?.['1']);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const host of stage.hosts) expect(await stage.filesOf(host)).toEqual([]);

    // What is done after it goes its way, and nothing that has ended changes any more.
    const content = stage.serve(100_000);
    await stage.get('peer-1', content.url);
    const after = await stage.runJob({ type: 'delete_task', args: { url: content.url } });
    expect(after).toMatchObject({ state: 'SUCCESS', result: { counts: { deleted: 1 } } });
    for (const job of ended) expect(await jobOf(job.id)).toEqual(job);
  }, 120_000);

  async function create(url = stage.serve(10).url): Promise<Job> {
    return stage.createJob({ type: 'delete_task', args: { url } });
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
