import { writeFile } from 'node:fs/promises';
import { makeTempDir } from '@pondhawk/testing';
import { join } from 'node:path';
import { FakeManager } from './fake-manager.js';
import { run, type CliRun } from './run-in-test.js';

const TASK_ID = 'ab'.repeat(32);

function aJob(change: { phase?: string; outcome?: string; state?: string } = {}): object {
  const { phase = 'ended', outcome = 'complete', state = 'SUCCESS' } = change;
  const pending = phase === 'ended' ? 0 : 1;
  return {
    id: 42,
    type: 'delete_task',
    state,
    phase,
    created_at: '2026-11-22T10:00:00.000Z',
    args: { task_id: TASK_ID },
    result: {
      state,
      outcome,
      counts: { targets: 2, pending, deleted: 1, absent: 1 - pending, failed: 0 },
      deleted_bytes: 64,
      job_states: [{ error: '' }],
    },
  };
}

function aTarget(hostName: string, outcome: string, description = ''): object {
  return {
    node: `host:${hostName}`,
    peer: { host_name: hostName, ip: '10.0.0.1' },
    outcome,
    description,
    deleted_bytes: outcome === 'deleted' ? 64 : 0,
    started_at: '2026-11-22T10:00:00.000Z',
    ended_at: '2026-11-22T10:00:00.012Z',
    task: null,
  };
}

describe('pondhawk against a manager', () => {
  let manager: FakeManager;

  beforeEach(async () => {
    manager = new FakeManager();
    await manager.start();
    manager.answers.set('POST /api/v1/jobs', [
      { body: aJob({ phase: 'accepted', outcome: '', state: 'PENDING' }) },
    ]);
    manager.answers.set('POST /api/v1/jobs/batch', [
      { body: [42, 43].map((id, index) => ({ index, status: 200, id, args: {} })) },
    ]);
    manager.answers.set('GET /api/v1/jobs/42', [
      { body: aJob({ phase: 'running', outcome: '', state: 'PENDING' }) },
      { body: aJob() },
    ]);
    manager.answers.set('GET /api/v1/jobs/42/targets', [
      { body: [aTarget('h1', 'deleted'), aTarget('h2', 'absent')] },
    ]);
  });

  afterEach(async () => {
    await manager.stop();
  });

  const cli = (...argv: string[]): Promise<CliRun> =>
    run(argv, { env: { PONDHAWK_MANAGER: manager.url } });

  describe('task clear', () => {
    it('orders a delete by id and by URL, with all that names the task', async () => {
      const options = ['--cluster', '1', '--cluster', '2', '--tag', 't', '--application', 'a'];
      const more = ['--piece-length', '4MiB', '--filtered-query-param', 'x', '--timeout', '90s'];
      const more2 = ['--filtered-query-param', 'y'];
      const result = await cli(
        'task',
        'clear',
        TASK_ID,
        'http://o/f',
        ...options,
        ...more,
        ...more2,
      );
      expect(result.exitCode).toBe(0);
      expect(result.stdout).toContain('pondhawk job watch 42');
      expect(manager.requests.map(({ line }) => line)).toEqual(['POST /api/v1/jobs/batch']);
      const { jobs } = manager.requests[0]?.body as { jobs: unknown[] };
      expect(jobs).toEqual([
        {
          type: 'delete_task',
          args: { task_id: TASK_ID, timeout: '1m30s' },
          scheduler_cluster_ids: [1, 2],
        },
        {
          type: 'delete_task',
          args: {
            url: 'http://o/f',
            tag: 't',
            application: 'a',
            piece_length: 4_194_304,
            filtered_query_params: 'x&y',
            timeout: '1m30s',
          },
          scheduler_cluster_ids: [1, 2],
        },
      ]);
    });

    it('waits, tells the course on stderr and the hosts on stdout', async () => {
      const result = await cli('task', 'clear', TASK_ID, '--wait');
      expect(result.exitCode).toBe(0);
      expect(result.stderr).toBe('job 42: 1 of 2 hosts done, 1 deleted\n');
      expect(result.stdout).toBe(
        [
          'job 42 delete_task: SUCCESS, complete, 2 of 2 hosts done, 1 deleted, 1 absent, 64 B deleted',
          'HOST  IP        OUTCOME  BYTES  MS  REASON',
          'h1    10.0.0.1  deleted  64     12',
          'h2    10.0.0.1  absent   -      12',
          '',
        ].join('\n'),
      );
    });

    it.each([
      ['partial', 3],
      ['failed', 1],
      ['timed_out', 1],
    ])('ends with its own code when the job ended %s', async (outcome, exitCode) => {
      manager.answers.set('GET /api/v1/jobs/42', [{ body: aJob({ outcome, state: 'FAILURE' }) }]);
      manager.answers.set('GET /api/v1/jobs/42/targets', [
        { body: [aTarget('h1', 'failed', 'HOST_UNREACHABLE: \u001b[31mno answer')] },
      ]);
      const result = await cli('task', 'clear', TASK_ID, '--wait');
      expect(result.exitCode).toBe(exitCode);
      expect(result.stdout).toContain('HOST_UNREACHABLE: \\x1b[31mno answer');
      expect(result.stdout).not.toContain('\u001b');
    });

    it('prints one JSON document with every host', async () => {
      const result = await cli('task', 'clear', TASK_ID, '--wait', '--json');
      expect(result.stderr).toBe('');
      expect(JSON.parse(result.stdout)).toMatchObject({
        jobs: [{ id: 42, targets: [{ node: 'host:h1' }, { node: 'host:h2' }] }],
      });
    });

    it('takes more names from a file, each once, and tells the line that means nothing', async () => {
      const dir = await makeTempDir();
      const list = join(dir.path, 'list.txt');
      await writeFile(list, `# old builds\n\n${TASK_ID}\nhttp://o/f\r\n`);
      await cli('task', 'clear', TASK_ID, '--file', list);
      expect(manager.requests[0]?.body).toMatchObject({
        jobs: [{ args: { task_id: TASK_ID } }, { args: { url: 'http://o/f' } }],
      });
      await writeFile(list, `${TASK_ID}\nnonsense\n`);
      const wrong = await cli('task', 'clear', '--file', list);
      expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('list.txt:2') });
      expect(await cli('task', 'clear', '--file', join(dir.path, 'none'))).toMatchObject({
        exitCode: 2,
      });
      expect(await cli('task', 'clear')).toMatchObject({ exitCode: 2 });
      expect(manager.requests).toHaveLength(1);
      await dir.remove();
    });

    it('tells which of several the manager refused, and ends with 3', async () => {
      const error = { code: 'CLUSTER_NOT_FOUND', message: 'no cluster 9.' };
      manager.answers.set('POST /api/v1/jobs/batch', [
        {
          body: [
            { index: 0, status: 200, id: 42, args: {} },
            { index: 1, status: 404, error },
          ],
        },
      ]);
      const result = await cli('task', 'clear', TASK_ID, 'http://o/f');
      expect(result).toMatchObject({ exitCode: 3 });
      expect(result.stderr).toContain('no cluster 9. [CLUSTER_NOT_FOUND]');
      expect(result.stdout).toContain('job 42 accepted');
    });

    it('asks again under the same key when the answer is lost', async () => {
      manager.cuts = 1;
      expect(await cli('task', 'clear', TASK_ID)).toMatchObject({ exitCode: 0 });
      const keys = manager.requests.map(({ key }) => key);
      expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
      expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
      await cli('task', 'clear', TASK_ID);
      expect(manager.requests[2]?.key).not.toBe(keys[0]);
    });

    it('only looks with --dry-run, and not together with --verify', async () => {
      const looked = aJob() as { result: object };
      const result = { ...looked.result, dry_run: true, held_bytes: 2_048 };
      manager.answers.set('GET /api/v1/jobs/42', [{ body: { ...looked, result } }]);
      const told = await cli('task', 'clear', TASK_ID, '--dry-run');
      expect(told.stdout).toContain('2.0 KiB held, nothing deleted');
      expect(manager.requests[0]?.body).toMatchObject({
        args: { task_id: TASK_ID, dry_run: true },
      });
      const refused = await cli('task', 'clear', TASK_ID, '--verify', '--dry-run');
      expect(refused).toMatchObject({ exitCode: 2 });
    });

    it.each([
      [['task', 'clear', TASK_ID], 0, 3, 0],
      [['job', 'create', 'delete_task', TASK_ID], 1, 2, 3],
    ])(
      'tells with %j --verify what hosts did that were asked',
      async (words, missed, passed, exitCode) => {
        const seen = { asked: 3, passed, newer_copies: 1, failed: 0, unreachable: missed };
        const job = aJob() as { result: object };
        const result = { ...job.result, verification: seen };
        manager.answers.set('GET /api/v1/jobs/42', [{ body: { ...job, result } }]);
        const note = { verification: { state: 'unreachable', message: 'No connection.' } };
        manager.answers.set('GET /api/v1/jobs/42/targets', [
          { body: [{ ...aTarget('h1', 'absent'), ...note }] },
        ]);
        const told = await cli(...words, '--verify', '--wait');
        expect(told.exitCode).toBe(exitCode);
        expect(told.stdout).toContain(
          `3 asked from outside: ${passed} passed (1 with a newer copy)`,
        );
        expect(told.stdout).toContain('No connection.');
        expect(manager.requests[0]?.body).toMatchObject({
          args: { task_id: TASK_ID, verify: true },
        });
      },
    );

    it('verifies nothing but deletes', async () => {
      const refused = await cli('job', 'create', 'get_task', TASK_ID, '--verify');
      expect(refused).toMatchObject({ exitCode: 2 });
    });

    it('orders nothing when one of the names means nothing', async () => {
      expect(await cli('task', 'clear', TASK_ID, 'nonsense')).toMatchObject({ exitCode: 2 });
      expect(manager.requests).toEqual([]);
    });

    it('waits out a manager that is not ready for a moment', async () => {
      manager.answers.set('GET /api/v1/jobs/42', [
        { status: 503, body: { message: 'Not ready.', code: 'NOT_READY' } },
        { body: aJob() },
      ]);
      expect((await cli('task', 'clear', TASK_ID, '--wait')).exitCode).toBe(0);
    });
  });

  describe('job', () => {
    it('create asks who holds what, page by page', async () => {
      await cli('job', 'create', 'list_tasks', '--page', '2', '--per-page', '50');
      expect(manager.requests[0]?.body).toEqual({
        type: 'list_tasks',
        args: { page: 2, per_page: 50 },
      });
      expect(await cli('job', 'create', 'get_task')).toMatchObject({ exitCode: 2 });
      expect(await cli('job', 'create', 'preheat', TASK_ID)).toMatchObject({ exitCode: 2 });
    });

    it('create has the manager remove what is old, by its kind', async () => {
      await cli('job', 'create', 'gc', '--kind', 'audit');
      expect(manager.requests[0]?.body).toEqual({ type: 'gc', args: { type: 'audit' } });
      expect(await cli('job', 'create', 'gc')).toMatchObject({ exitCode: 2 });
      expect(await cli('job', 'create', 'gc', '--kind', 'hosts')).toMatchObject({ exitCode: 2 });
      const named = await cli('job', 'create', 'gc', TASK_ID, '--kind', 'job');
      expect(named).toMatchObject({ exitCode: 2 });
    });

    it('create has schedulers tell their hosts, and says how many there are', async () => {
      const counts = { targets: 2, pending: 0, answered: 2 };
      const result = { state: 'SUCCESS', outcome: 'complete', counts, hosts: 12 };
      const job = { ...aJob(), type: 'sync_peers', result };
      manager.answers.set('POST /api/v1/jobs', [{ body: job }]);
      manager.answers.set('GET /api/v1/jobs/42', [{ body: job }]);
      manager.answers.set('GET /api/v1/jobs/42/targets', [{ body: [] }]);
      const done = await cli('job', 'create', 'sync_peers', '--cluster', '3', '--wait');
      expect(manager.requests[0]?.body).toEqual({
        ...{ type: 'sync_peers', args: {}, scheduler_cluster_ids: [3] },
      });
      expect(done.stdout).toContain('2 of 2 schedulers done');
      expect(done.stdout).toContain('12 hosts there');
      expect(await cli('job', 'create', 'sync_peers', TASK_ID)).toMatchObject({ exitCode: 2 });
    });

    it('ls filters and pages', async () => {
      manager.answers.set('GET /api/v1/jobs', [{ body: [aJob()] }]);
      const result = await cli('job', 'ls', '--state', 'SUCCESS', '--per-page', '5');
      expect(result.stdout).toContain('delete_task');
      expect(manager.requests[0]?.line).toBe('GET /api/v1/jobs?state=SUCCESS&per_page=5');
    });

    it('get shows a job as it stands, without waiting', async () => {
      manager.answers.set('GET /api/v1/jobs/42', [
        { body: aJob({ phase: 'running', outcome: '', state: 'PENDING' }) },
      ]);
      const result = await cli('job', 'get', '42');
      expect(result.exitCode).toBe(0);
      expect(result.stdout).toContain('job 42 delete_task: PENDING, 1 of 2 hosts done');
      expect(manager.requests[0]?.line).toBe('GET /api/v1/jobs/42?wait=0');
    });

    it('get reads every page of hosts', async () => {
      const page = Array.from({ length: 1000 }, (_, index) => aTarget(`h${index}`, 'deleted'));
      manager.answers.set('GET /api/v1/jobs/42/targets', [
        { body: page },
        { body: [aTarget('last', 'deleted')] },
      ]);
      const result = await cli('job', 'get', '42', '--json');
      const document = JSON.parse(result.stdout) as { targets: unknown[] };
      expect(document.targets).toHaveLength(1001);
    });

    it('cancel and retry name the job, and wait if asked to', async () => {
      manager.answers.set('POST /api/v1/jobs/42/cancel', [
        { body: aJob({ outcome: 'cancelled', state: 'FAILURE' }) },
      ]);
      const cancelled = await cli('job', 'cancel', '42');
      expect(cancelled).toMatchObject({ exitCode: 0 });
      expect(cancelled.stdout).toContain('job 42 delete_task: FAILURE, cancelled');
      manager.answers.set('POST /api/v1/jobs/7/retry', [
        { body: aJob({ phase: 'accepted', outcome: '', state: 'PENDING' }) },
      ]);
      const retried = await cli('job', 'retry', '7');
      expect([retried.exitCode, retried.stdout]).toEqual([
        ...[0, 'job 42 accepted; see it with: pondhawk job watch 42\n'],
      ]);
      expect(manager.requests.at(-1)?.key).toEqual(expect.any(String));
      manager.answers.set('GET /api/v1/jobs/42', [
        { body: aJob({ outcome: 'partial', state: 'FAILURE' }) },
      ]);
      expect(await cli('job', 'retry', '7', '--wait')).toMatchObject({ exitCode: 3 });
      const body = { message: 'Job 7 has ended.', code: 'JOB_ENDED' };
      manager.answers.set('POST /api/v1/jobs/7/cancel', [{ status: 409, body }]);
      expect(await cli('job', 'cancel', '7')).toMatchObject({ exitCode: 1 });
    });

    it('watch stops waiting in time and says that the job goes on', async () => {
      manager.answers.set('GET /api/v1/jobs/42', [
        { body: aJob({ phase: 'running', outcome: '', state: 'PENDING' }) },
      ]);
      const result = await cli('job', 'watch', '42', '--timeout', '300ms');
      expect(result).toMatchObject({ exitCode: 1 });
      expect(result.stderr).toContain('it goes on');
    });
  });

  describe('when something is wrong', () => {
    it('an unknown job ends with 1 and the manager’s words', async () => {
      manager.answers.set('GET /api/v1/jobs/7', [
        { status: 404, body: { message: 'No job 7.', code: 'JOB_NOT_FOUND' } },
      ]);
      const result = await cli('job', 'get', '7');
      expect(result).toMatchObject({ exitCode: 1 });
      expect(result.stderr).toContain('No job 7. [JOB_NOT_FOUND]');
    });

    it('a value that the manager refuses is wrong usage', async () => {
      manager.answers.set('POST /api/v1/jobs', [
        {
          status: 422,
          body: { message: 'args.piece_length is too small.', code: 'INVALID_FIELD' },
        },
      ]);
      const result = await cli('task', 'clear', 'http://o/f', '--piece-length', '1');
      expect(result).toMatchObject({ exitCode: 2 });
      expect(result.stderr).toContain('args.piece_length');
    });

    it('another program under the URL is told from a manager', async () => {
      manager.answers.set('GET /api/v1/jobs', [{ status: 500, body: '<html>' }]);
      const result = await cli('job', 'ls');
      expect(result).toMatchObject({ exitCode: 1 });
      expect(result.stderr).toContain('NOT_A_MANAGER');
    });

    it('no manager ends with 4 and says what to start', async () => {
      const url = manager.url;
      await manager.stop();
      const result = await run(['job', 'ls', '--json', '--manager', url]);
      expect(result).toMatchObject({ exitCode: 4 });
      expect(result.stderr).toContain('ECONNREFUSED');
      expect(result.stderr).toContain('pondhawk-manager --config');
      expect(JSON.parse(result.stdout)).toMatchObject({ error: { code: 'MANAGER_UNREACHABLE' } });
      await manager.start();
    });
  });
});
