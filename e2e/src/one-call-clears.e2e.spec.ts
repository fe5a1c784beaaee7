import { eventually } from '@pondhawk/testing';
import { Stage, type Content } from './stage.js';

const MIB = 1024 * 1024;

describe('A cluster of two schedulers, a seed peer and three peers', () => {
  let stage: Stage;
  let content: Content;
  let taskId: string;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 2, seeds: 1, peers: 3 });
    content = stage.serve(24 * MIB);
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  it('brings a file to all peers at once while the origin sends it about once', async () => {
    const digests = await Promise.all(
      ['peer-1', 'peer-2', 'peer-3'].map((peer) => stage.get(peer, content.url)),
    );
    expect(digests).toEqual([content.sha256, content.sha256, content.sha256]);
    expect(stage.origin.sentBytes).toBeLessThanOrEqual(1.25 * content.body.length);
  }, 60_000);

  it('names every holder', async () => {
    const job = await stage.runJob({ type: 'get_task', args: { url: content.url } });
    taskId = job.args.task_id;
    expect(job.state).toBe('SUCCESS');
    expect(job.result.peers?.map(({ host_name }) => host_name).sort()).toEqual([
      'peer-1',
      'peer-2',
      'peer-3',
      'seed-1',
    ]);
  }, 30_000);

  it('lists what hosts hold', async () => {
    await eventually(
      async () => {
        const job = await stage.runJob({ type: 'list_tasks', args: {} });
        expect(job.result.peers?.filter(({ task }) => task?.id === taskId)).toHaveLength(4);
      },
      { timeoutMs: 10_000, intervalMs: 500 },
    );
  }, 30_000);

  it('lists them in pages', async () => {
    expect([await page(1), await page(2), await page(3)]).toEqual([
      { page: 1, per_page: 3, total_count: 4, listed: 3 },
      { page: 2, per_page: 3, total_count: 4, listed: 1 },
      { page: 3, per_page: 3, total_count: 4, listed: 0 },
    ]);
  }, 30_000);

  it('says who would lose how much, and takes nothing', async () => {
    const args = { task_id: taskId, dry_run: true };
    const { state, result } = await stage.runJob({ type: 'delete_task', args });
    expect([state, result.held_bytes]).toEqual(['SUCCESS', 4 * content.body.length]);
    expect(result.peers?.map(({ host_name }) => host_name).sort()).toEqual(
      stage.hosts.map(({ name }) => name).sort(),
    );
    for (const host of stage.hosts) expect(await stage.filesOf(host)).not.toEqual([]);
  }, 30_000);

  it('clears it on every host by one call that answers host by host', async () => {
    const job = await stage.runJob({ type: 'delete_task', args: { task_id: taskId } });
    expect([job.state, job.result.outcome, job.result.finality]).toEqual([
      'SUCCESS',
      'complete',
      'guaranteed',
    ]);
    expect(
      job.result.success_peers.map(({ peer, outcome }) => `${peer.host_name} ${outcome}`).sort(),
    ).toEqual(['peer-1 deleted', 'peer-2 deleted', 'peer-3 deleted', 'seed-1 deleted']);
    expect(job.result.deleted_bytes).toBe(4 * content.body.length);
    for (const host of stage.hosts) expect(await stage.filesOf(host)).toEqual([]);
  }, 30_000);

  it('finds nobody afterwards', async () => {
    const job = await stage.runJob({ type: 'get_task', args: { task_id: taskId } });
    expect([job.state, job.result.peers]).toEqual(['SUCCESS', []]);
  }, 30_000);

  it('lists nothing afterwards', async () => {
    expect(await page(1)).toEqual({ page: 1, per_page: 3, total_count: 0, listed: 0 });
  }, 30_000);

  it('ends with success for a task that nobody has', async () => {
    const job = await stage.runJob({ type: 'delete_task', args: { task_id: 'f'.repeat(64) } });
    expect([job.state, job.result.outcome, job.result.counts['deleted']]).toEqual([
      'SUCCESS',
      'complete',
      0,
    ]);
  }, 30_000);

  it('goes to the origin again for the next download', async () => {
    const before = stage.origin.sentBytes;
    expect(await stage.get('peer-2', content.url)).toBe(content.sha256);
    expect(stage.origin.sentBytes - before).toBeGreaterThanOrEqual(content.body.length);
  }, 60_000);

  it('names the same task by url with tag, application and filtered parameters', async () => {
    const url = `${content.url}?X-Amz-Signature=one&a=1`;
    stage.origin.serve('/content-1?X-Amz-Signature=one&a=1', { body: content.body });
    await stage.get('peer-1', url, '--tag', 't', '--application', 'a');
    const job = await stage.runJob({
      type: 'delete_task',
      args: { url: `${content.url}?X-Amz-Signature=two&a=1`, tag: 't', application: 'a' },
    });
    expect(job.result.success_peers.some(({ outcome }) => outcome === 'deleted')).toBe(true);
  }, 60_000);

  it('clears by the command of a user, with a table of hosts', async () => {
    const result = await stage.pondhawk('task', 'clear', content.url, '--wait');
    expect(result.stderr).toBe('');
    expect(result.code).toBe(0);
    expect(result.stdout).toContain('peer-2');
    expect(result.stdout).toContain('deleted');
  }, 60_000);

  async function page(number: number): Promise<object> {
    const args = { page: number, per_page: 3 };
    const { result } = await stage.runJob({ type: 'list_tasks', args });
    return {
      page: result.page,
      per_page: result.per_page,
      total_count: result.total_count,
      listed: result.peers?.length,
    };
  }
});
