import { makeTempDir } from '@pondhawk/testing';
import { NO_BROKER, useTestManager } from './manager-harness.js';
import { startManagerProcess } from './manager-process.js';

const aDelete = (digit: string) => ({ type: 'delete_task', args: { task_id: digit.repeat(64) } });
const JOBS = '/api/v1/jobs';

describe('POST /jobs with Idempotency-Key', () => {
  const manager = useTestManager();
  const post = (key: string, body: unknown = aDelete('a')) =>
    manager.get().request('POST', JOBS, { body, headers: { 'idempotency-key': key } });
  const count = async (): Promise<number> => {
    const { json } = await manager.get().request('GET', `${JOBS}?per_page=1000`);
    return (json as unknown[]).length;
  };

  it('gives two clients at once one job, and whoever comes later the same', async () => {
    const before = await count();
    const answers = await Promise.all(Array.from({ length: 16 }, () => post('one')));
    expect(new Set(answers.map(({ json }) => json.id as number)).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual(Array(16).fill(200));
    const replayed = answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true');
    expect(replayed).toHaveLength(15);
    expect((await post('one')).json.id).toBe(answers[0]?.json.id);
    expect(await count()).toBe(before + 1);
  });

  it('goes by what is asked, not by how it is written', async () => {
    const { json } = await post('two', { ...aDelete('b'), bio: '', unknown: 1 });
    const args = { task_id: 'b'.repeat(64), timeout: '60m' };
    const again = await post('two', { args, type: 'delete_task', scheduler_cluster_ids: [] });
    expect(again.json.id).toBe(json.id);
    const other = await post('two', { ...aDelete('b'), bio: 'other' });
    expect(other).toMatchObject({ status: 409, json: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    expect(other.json.message).toContain('Idempotency-Key');
  });

  it('refuses a key that is none, and takes the longest', async () => {
    const before = await count();
    for (const key of ['', 'a b', 'ä', 'x'.repeat(256), 'one, two']) {
      const answer = await post(key);
      expect([key, answer.status, answer.json.message]).toEqual([
        ...[key, 422, expect.stringContaining('Idempotency-Key')],
      ]);
    }
    expect(await count()).toBe(before);
    expect((await post('x'.repeat(255))).status).toBe(200);
  });

  it('says so when the job of the key was forgotten, and orders nothing', async () => {
    const { json } = await post('three', {
      ...aDelete('c'),
      args: { ...aDelete('c').args, timeout: '1ms' },
    });
    const ended = await manager.get().request('GET', `${JOBS}/${json.id}?wait=10s`);
    expect(ended.json.phase).toBe('ended');
    await manager.get().request('DELETE', `${JOBS}/${json.id}`);
    const before = await count();
    const again = await post('three', {
      ...aDelete('c'),
      args: { ...aDelete('c').args, timeout: '1ms' },
    });
    expect(again).toMatchObject({ status: 404, json: { code: 'JOB_NOT_FOUND' } });
    expect(await count()).toBe(before);
  });
});

describe('A manager killed between the commit of a job and its answer', () => {
  it('gives whoever asks again with the same key that very job', async () => {
    const dir = await makeTempDir();
    const how = { body: aDelete('d'), headers: { 'idempotency-key': 'again' } };
    const options = { dir: dir.path, natsUrl: NO_BROKER };
    const first = await startManagerProcess({ ...options, fault: 'manager.job.committed' });
    await expect(first.request('POST', JOBS, how)).rejects.toThrow();
    expect(await first.process.ended).toMatchObject({ signal: 'SIGKILL' });
    first.fleet.close();
    const second = await startManagerProcess(options);
    const answer = await second.request('POST', JOBS, how);
    expect([answer.status, answer.json.id, answer.headers.get('idempotent-replayed')]).toEqual([
      ...[200, 1, 'true'],
    ]);
    expect((await second.request('GET', JOBS)).json).toHaveLength(1);
    await second.stop();
    await dir.remove();
  }, 60_000);
});
