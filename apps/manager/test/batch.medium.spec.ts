import { makeTempDir } from '@pondhawk/testing';
import { NO_BROKER, useTestManager } from './manager-harness.js';
import { startManagerProcess } from './manager-process.js';

const BATCH = '/api/v1/jobs/batch';
const taskId = (index: number): string => index.toString(16).padStart(64, '0');
const aDelete = (index: number) => ({ type: 'delete_task', args: { task_id: taskId(index) } });
const deletes = (count: number) => Array.from({ length: count }, (_, index) => aDelete(index));

interface Line {
  readonly index: number;
  readonly status: number;
  readonly id?: number;
  readonly replayed?: boolean;
  readonly error?: { readonly code: string; readonly message: string };
}

describe('POST /jobs/batch', () => {
  const manager = useTestManager();
  const post = (jobs: unknown, key?: string) =>
    manager.get().request('POST', BATCH, {
      body: { jobs },
      headers: key === undefined ? {} : { 'idempotency-key': key },
    });
  const jobCount = () => manager.get().countRows()['jobs'] ?? 0;

  it('answers each line by itself; a bad one stops none', async () => {
    const before = jobCount();
    const { status, json, headers } = await post([
      { ...aDelete(1), odd: 1 },
      { type: 'delete_task', args: {} },
      'nonsense',
      { ...aDelete(2), scheduler_cluster_ids: [99] },
      { type: 'get_task', args: { url: 'http://origin/x' } },
    ]);
    const lines = json as Line[];
    expect([status, lines.map((line) => [line.index, line.status])]).toEqual([
      200,
      [200, 422, 422, 404, 200].map((one, index) => [index, one]),
    ]);
    expect(lines.map(({ error }) => error?.code)).toEqual([
      ...[undefined, 'TASK_NOT_NAMED', 'INVALID_FIELD', 'CLUSTER_NOT_FOUND', undefined],
    ]);
    expect(lines[1]?.error?.message).toContain('args.task_id');
    expect(headers.get('warning')).toContain('jobs[0].odd');
    expect(jobCount()).toBe(before + 2);
    const job = await manager.get().request('GET', `/api/v1/jobs/${lines[0]?.id}?wait=0`);
    expect(job.json).toMatchObject({ type: 'delete_task', args: { task_id: taskId(1) } });
  });

  it('takes 1,000 lines, and refuses none, one more, and what is no list', async () => {
    const { json } = await post(deletes(1_000));
    const lines = json as Line[];
    expect(lines.every(({ status, index }, place) => status === 200 && index === place)).toBe(true);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(1_000);
    const before = jobCount();
    for (const jobs of [[], deletes(1_001), aDelete(1), undefined]) {
      const refused = await post(jobs);
      expect([refused.status, refused.json.message]).toEqual([
        422,
        expect.stringMatching(/^jobs /),
      ]);
    }
    expect(jobCount()).toBe(before);
  }, 60_000);

  it('gives two clients with one key the same jobs, and a changed line an error of its own', async () => {
    const before = jobCount();
    const [one, two] = await Promise.all([post(deletes(200), 'k1'), post(deletes(200), 'k1')]);
    const ids = (json: unknown) => (json as Line[]).map(({ id }) => id);
    expect(ids(two.json)).toEqual(ids(one.json));
    expect(jobCount()).toBe(before + 200);
    const changed = deletes(200).map((line, index) => (index === 7 ? aDelete(999) : line));
    const third = (await post(changed, 'k1')).json as Line[];
    expect(third.filter(({ status }) => status !== 200)).toMatchObject([
      { index: 7, status: 409, error: { code: 'IDEMPOTENCY_KEY_REUSED' } },
    ]);
    expect(jobCount()).toBe(before + 200);
  }, 30_000);

  it('writes an audit a line that was accepted, with its task', async () => {
    await post([aDelete(0xabc), { type: 'none' }]);
    const { json } = await manager.get().request('GET', '/api/v1/audits?per_page=3');
    const selectors = (json as { selector: string }[]).map(({ selector }) => selector);
    expect(selectors).toContain(`delete_task task=${taskId(0xabc)}`);
  });
});

describe('A manager killed in the middle of a batch', () => {
  it('has some lines as jobs; sent again with its key each line has one, and only one', async () => {
    const dir = await makeTempDir();
    const jobs = deletes(300);
    const how = { body: { jobs }, headers: { 'idempotency-key': 'batch-1' } };
    const options = { dir: dir.path, natsUrl: NO_BROKER };
    const first = await startManagerProcess({ ...options, fault: 'manager.job.committed' });
    await expect(first.request('POST', BATCH, how)).rejects.toThrow();
    expect(await first.process.ended).toMatchObject({ signal: 'SIGKILL' });
    first.fleet.close();
    const second = await startManagerProcess(options);
    const kept = (await second.request('GET', '/api/v1/jobs?per_page=1000')).json as unknown[];
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(300);
    const lines = (await second.request('POST', BATCH, how)).json as Line[];
    expect(lines.filter(({ replayed }) => replayed === true)).toHaveLength(kept.length);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(300);
    const all = (await second.request('GET', '/api/v1/jobs?per_page=1000')).json as {
      args: { task_id: string };
    }[];
    expect(new Set(all.map(({ args }) => args.task_id)).size).toBe(300);
    expect(all).toHaveLength(300);
    await second.stop();
    await dir.remove();
  }, 60_000);
});
