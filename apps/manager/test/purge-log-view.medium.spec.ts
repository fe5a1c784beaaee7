import { useTestManager, type Answer } from './manager-harness.js';

const taskId = (index: number): string => String(index).padStart(64, 'a');

describe('GET /clusters/:id/purge-log', () => {
  const manager = useTestManager();
  const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
    manager.get().request(method, `/api/v1/${path}`, body === undefined ? {} : { body });
  const purge = async (index: number): Promise<number> => {
    const body = { type: 'delete_task', args: { task_id: taskId(index) } };
    return (await call('POST', 'jobs', body)).json.id as number;
  };

  it('says which task was purged by whom, when and by which job, the newest first', async () => {
    const jobs = [await purge(1), await purge(2), await purge(1)];
    const { status, json } = await call('GET', 'clusters/1/purge-log');
    expect(status).toBe(200);
    const users = (await call('GET', 'users')).json as unknown as { id: number; name: string }[];
    const [root] = users;
    expect(json).toEqual(
      [3, 2, 1].map((seq) => ({
        ...{ seq, log_epoch: expect.stringMatching(/^[0-9a-f]{32}$/), scheduler_cluster_id: 1 },
        ...{ task_id: taskId(seq === 2 ? 2 : 1), job_id: jobs[seq - 1] },
        ...{ user_id: root?.id, user_name: root?.name },
        created_at: expect.stringMatching(/^20.*Z$/),
      })),
    );
  });

  it('has pages, and those of one task alone', async () => {
    const seqOf = (answer: Answer): unknown[] =>
      (answer.json as unknown as { seq: number }[]).map(({ seq }) => seq);
    const path = 'clusters/1/purge-log';
    const second = await call('GET', `${path}?page=2&per_page=2`);
    expect(seqOf(second)).toEqual([1]);
    expect(second.headers.get('link')).toContain('page=2&per_page=2>;rel=last');
    const ofTask = await call('GET', `${path}?task_id=${taskId(1)}&per_page=1`);
    expect(seqOf(ofTask)).toEqual([3]);
    expect(ofTask.headers.get('link')).toContain(
      `task_id=${taskId(1)}&page=2&per_page=1>;rel=last`,
    );
    expect(seqOf(await call('GET', `${path}?task_id=${taskId(7)}`))).toEqual([]);
  });

  it('outlives the records of its jobs', async () => {
    const path = `clusters/1/purge-log?task_id=${taskId(2)}`;
    const [before] = (await call('GET', path)).json as unknown as { job_id: number }[];
    const jobPath = `jobs/${before?.job_id ?? 0}`;
    expect((await call('GET', `${jobPath}?wait=30s`)).json.state).toBe('SUCCESS');
    const { status } = await call('DELETE', jobPath);
    expect(status).toBe(200);
    expect((await call('GET', path)).json).toEqual([before]);
  });

  it.each([
    ['clusters/99/purge-log', 404, 'cluster'],
    ['clusters/x/purge-log', 422, 'id'],
    ['clusters/1/purge-log?task_id=../x', 422, 'task_id'],
    ['clusters/1/purge-log?task_id=ABC', 422, 'task_id'],
    ['clusters/1/purge-log?page=0', 422, 'page'],
    ['clusters/1/purge-log?per_page=-1', 422, 'per_page'],
  ])('refuses %s', async (path, status, word) => {
    const answer = await call('GET', path);
    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer.json)).toContain(word);
  });
});
