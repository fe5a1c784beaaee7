import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@pondhawk/testing';
import { Stage, type Content, type Job } from './stage.js';

const MIB = 1024 * 1024;
const SECRET = 'p4ssw0rd-of-the-e2e-test';

describe('A preheat in a cluster of two schedulers, two seed peers and three peers', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 2, seeds: 2, peers: 3 });
    await stage.waitForLeases();
  }, 90_000);
  afterAll(async () => stage.close(), 30_000);

  const preheat = (content: Content, args: object = {}): object => ({
    type: 'preheat',
    args: { type: 'file', url: content.url, ...args },
  });
  const outcomesOf = ({ result }: Job): string[] =>
    [...result.success_peers, ...result.failure_peers]
      .map(({ peer, outcome }) => `${peer.host_name} ${outcome}`)
      .sort();
  const holdersOf = async (taskId: string): Promise<string[]> => {
    const { result } = await stage.runJob({ type: 'get_task', args: { task_id: taskId } });
    return (result.peers ?? []).map(({ host_name }) => host_name).sort();
  };
  const taskOf = async (content: Content): Promise<string> => {
    const { args } = await stage.runJob({ type: 'get_task', args: { url: content.url } });
    return args.task_id;
  };

  it('brings a file to one seed peer, and the second time says that it is there', async () => {
    const content = stage.serve(9 * MIB);
    const job = await stage.runJob(preheat(content));
    expect([job.state, job.result.outcome]).toEqual(['SUCCESS', 'complete']);
    expect(outcomesOf(job)).toEqual([expect.stringMatching(/^seed-[12] preheated$/)]);
    const taskId = await taskOf(content);
    expect(await holdersOf(taskId)).toEqual([job.result.success_peers[0]?.peer.host_name]);
    const sent = stage.origin.sentBytes;
    const again = await stage.runJob(preheat(content));
    expect(outcomesOf(again)).toEqual([expect.stringMatching(/^seed-[12] already_here$/)]);
    expect(stage.origin.sentBytes).toBe(sent);
  }, 60_000);

  it('brings a file to all seed peers, then to all others, and the origin sends it about once', async () => {
    const content = stage.serve(24 * MIB);
    const before = stage.origin.sentBytes;
    const seeds = await stage.runJob(preheat(content, { scope: 'all_seed_peers' }));
    expect(outcomesOf(seeds)).toEqual(['seed-1 preheated', 'seed-2 preheated']);
    const peers = await stage.runJob(preheat(content, { scope: 'all_peers' }));
    expect(outcomesOf(peers)).toEqual(['peer-1 preheated', 'peer-2 preheated', 'peer-3 preheated']);
    expect(stage.origin.sentBytes - before).toBeLessThanOrEqual(1.25 * content.body.length);
    expect(await stage.get('peer-2', content.url)).toBe(content.sha256);
  }, 60_000);

  it('is cleared by a delete on every host', async () => {
    const content = stage.serve(5 * MIB);
    await stage.runJob(preheat(content, { scope: 'all_peers' }));
    const taskId = await taskOf(content);
    expect(await holdersOf(taskId)).toEqual(expect.arrayContaining(['peer-1', 'peer-2', 'peer-3']));
    const job = await stage.runJob({ type: 'delete_task', args: { task_id: taskId } });
    expect([job.state, job.result.finality]).toEqual(['SUCCESS', 'guaranteed']);
    expect(await holdersOf(taskId)).toEqual([]);
  }, 60_000);

  it('brings several files to a part of the hosts', async () => {
    const contents = [stage.serve(MIB), stage.serve(2 * MIB), stage.serve(3 * MIB)];
    const urls = contents.map(({ url }) => url);
    const args = { type: 'file', urls, scope: 'all_peers', count: 2, concurrent_task_count: 1 };
    const job = await stage.runJob({ type: 'preheat', args });
    expect([job.state, job.result.counts['preheated']]).toEqual(['SUCCESS', 2]);
    const [cluster] = job.result.job_states ?? [];
    expect(cluster?.results[0]?.success_tasks.map(({ url }) => url).sort()).toEqual(
      [...urls, ...urls].sort(),
    );
  }, 60_000);

  it('names what the origin answers, host by host', async () => {
    const gone = { url: stage.origin.url('/gone'), body: Buffer.alloc(0), sha256: '' };
    const job = await stage.runJob(preheat(gone, { scope: 'all_peers', count: 2 }), 60_000);
    expect([job.state, job.result.outcome, job.result.counts['failed']]).toEqual([
      ...['FAILURE', 'failed', 2],
    ]);
    for (const { description } of job.result.failure_peers) {
      expect(description).toContain('ORIGIN_STATUS: The origin answered with status 404');
    }
    const [cluster] = job.result.job_states ?? [];
    expect(cluster?.results[0]?.failure_tasks).toHaveLength(2);
  }, 90_000);

  it('says so when no host is meant', async () => {
    const content = stage.serve(MIB);
    const job = await stage.runJob(preheat(content, { scope: 'all_peers', ips: ['10.9.9.9'] }));
    expect([job.state, job.result.job_states?.[0]?.error]).toEqual([
      'FAILURE',
      expect.stringContaining('NO_HOST_MATCHES'),
    ]);
  }, 30_000);

  it('finishes what is under way when it is cancelled, and begins nothing more', async () => {
    const held = stage.serveHeld(10 * MIB);
    const args = { scope: 'all_peers', concurrent_peer_count: 1 };
    const job = await stage.createJob(preheat(held, args));
    await eventually(() => expect(stage.origin.requests.at(-1)?.path).toBe(pathOf(held)), {
      timeoutMs: 10_000,
    });
    await stage.rest(`/api/v1/jobs/${job.id}/cancel`, { method: 'POST' });
    held.release();
    const ended = await endOf(job);
    expect([ended.state, ended.result.outcome]).toEqual(['FAILURE', 'cancelled']);
    expect(ended.result.counts).toMatchObject({ targets: 3, preheated: 1, skipped: 2 });
  }, 60_000);

  it('waits for its like, and fetches nothing then', async () => {
    const held = stage.serveHeld(6 * MIB);
    const first = await stage.createJob(preheat(held));
    const second = await stage.createJob(preheat(held));
    await eventually(() => expect(stage.origin.requests.at(-1)?.path).toBe(pathOf(held)), {
      timeoutMs: 10_000,
    });
    expect((await jobOf(second)).phase).toBe('accepted');
    held.release();
    expect(outcomesOf(await endOf(first))).toEqual([expect.stringContaining(' preheated')]);
    expect(outcomesOf(await endOf(second))).toEqual([expect.stringContaining(' already_here')]);
  }, 60_000);

  it('waits for a delete of the same task', async () => {
    const content = stage.serve(2 * MIB);
    await stage.runJob(preheat(content));
    const [peer] = stage.hosts.filter(({ name }) => name === 'peer-3');
    stage.cluster.getProcess(peer?.name ?? '').kill('SIGSTOP');
    const clear = await stage.createJob({ type: 'delete_task', args: { url: content.url } });
    const job = await stage.createJob(preheat(content));
    const running = await jobOf(clear);
    expect([running.state, (await jobOf(job)).phase]).toEqual(['PENDING', 'accepted']);
    stage.cluster.getProcess(peer?.name ?? '').kill('SIGCONT');
    expect((await endOf(clear)).state).toBe('SUCCESS');
    expect(outcomesOf(await endOf(job))).toEqual([expect.stringContaining(' preheated')]);
  }, 60_000);

  it('leaves its secrets in no answer, ledger, broker, database or log', async () => {
    const content = stage.serve(MIB);
    const query = `?token=${SECRET}`;
    stage.origin.serve(`${pathOf(content)}${query}`, { body: content.body });
    const url = content.url.replace('http://', `http://user:${SECRET}@`) + query;
    const headers = { Authorization: `Bearer ${SECRET}`, 'X-Own': SECRET };
    const args = { type: 'file', url, headers, scope: 'all_peers' };
    const job = await stage.runJob({ type: 'preheat', args });
    expect(job.state).toBe('SUCCESS');
    const list = await stage.runJob({ type: 'list_tasks', args: { per_page: 100 } });
    const targets = await stage.rest(`/api/v1/jobs/${job.id}/targets`);
    const audits = await stage.rest('/api/v1/audits');
    const told = JSON.stringify([job, list, targets.body, audits.body]);
    expect([told.includes('token=***'), told.includes(SECRET)]).toEqual([true, false]);
    const entries = await readdir(stage.folder.path, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const leaks: string[] = [];
    let bytes = 0;
    for (const { parentPath, name } of files) {
      const text = await readFile(join(parentPath, name), 'latin1');
      bytes += text.length;
      if (text.includes(SECRET)) leaks.push(name);
    }
    expect(leaks).toEqual([]);
    expect(bytes).toBeGreaterThan(MIB);
  }, 60_000);

  const jobOf = async ({ id }: Job): Promise<Job> =>
    (await stage.rest(`/api/v1/jobs/${id}?wait=0`)).body as Job;
  const endOf = async (job: Job): Promise<Job> => {
    let last = job;
    await eventually(
      async () => {
        last = await jobOf(job);
        expect(last.phase).toBe('ended');
      },
      { timeoutMs: 30_000 },
    );
    return last;
  };
});

function pathOf({ url }: Content): string {
  return new URL(url).pathname;
}
