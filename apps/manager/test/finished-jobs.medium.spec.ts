import { NatsServer } from '@pondhawk/messaging/testing';
import { describeWithTool, eventually, makeTempDir, type TempDir } from '@pondhawk/testing';
import {
  deleteFor,
  hasEnded,
  readError,
  readExecution,
  readListed,
  readSearch,
  readSuccess,
} from './console-reader.js';
import { FakeScheduler, enrolReported } from './fake-scheduler.js';
import { START_MS, aHost, aTarget } from './ledger-fixtures.js';
import { startTestManager, type Answer, type TestManager } from './manager-harness.js';

const TASK_ID = 'e'.repeat(64);
const PATIENCE = { timeoutMs: 15_000 };
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
const CLUSTER = { id: 1, name: expect.any(String) as string };

const HELD = {
  ...{ id: TASK_ID, url: 'http://e/a', tag: '', application: '', state: 'complete' as const },
  ...{ content_length: 100, finished_bytes: 100, piece_length: 4_194_304 },
  ...{ created_at_ms: START_MS, updated_at_ms: START_MS, finished_at_ms: START_MS },
};
const silent = (index: number) => aTarget(index, 'failed');
const holding = (index: number) => aTarget(index, 'answered', { task: HELD });
/** What three hosts say to a delete of what the first one holds. */
const deletedByFirst = [aTarget(1, 'deleted'), aTarget(2, 'absent'), aTarget(3, 'absent')];
const listing = (index: number) => aTarget(index, 'answered', { tasks: [HELD] });

/** A job as every client reads it, whatever its type. */
const aJob = (type: string, state: string) => ({
  ...{ id: expect.any(Number) as number, created_at: TIME, updated_at: TIME, is_del: 0, bio: '' },
  ...{ type, task_id: expect.stringMatching(/^group_[0-9a-f-]{36}$/) as string, state },
  ...{
    phase: 'ended',
    user_id: 1,
    user: {},
    seed_peer_clusters: [],
    scheduler_clusters: [CLUSTER],
  },
});
const aResult = (type: string, state: string, outcome: string) => ({
  ...{ state, outcome, group_uuid: expect.stringMatching(/^group_/) as string },
  ...{ created_at: TIME, updated_at: TIME, truncated: false },
  job_states: [
    {
      ...{ task_uuid: expect.stringMatching(/^task_/) as string, task_name: type, state },
      ...{ error: expect.any(String) as string, created_at: TIME, ttl: 0 },
      results: [expect.any(Object) as object],
    },
  ],
});
const counts = (facts: Record<string, number>) => ({
  ...{ targets: 0, pending: 0, deleted: 0, absent: 0, fenced: 0, failed: 0, skipped: 0 },
  ...facts,
});
const aPeer = (index: number, state = 'active') => {
  const { id, host_name, ip } = aHost(index);
  return {
    ...{ id, host_name, type: 'normal', idc: 'idc-1', location: 'eu|de', ip, port: 4000 },
    ...{ download_port: 4000, object_storage_port: 0, state, os: 'linux', platform: 'debian' },
    ...{ platform_family: 'debian', platform_version: '12', kernel_version: '6.1' },
    ...{ git_version: '', git_commit: '', build_platform: '', scheduler_cluster_id: 1 },
    scheduler_cluster: CLUSTER,
  };
};
const aPeerResult = (index: number, facts: Record<string, unknown>) => ({
  ...{
    peer: aPeer(index),
    description: '',
    attempts: 1,
    deleted_bytes: 0,
    ended_at: TIME,
    later: null,
  },
  ...facts,
});
const unreachable = (index: number) =>
  aPeerResult(index, {
    ...{ peer: aPeer(index, 'inactive'), outcome: 'failed' },
    description: 'HOST_UNREACHABLE: No answer.',
  });

describeWithTool('nats-server', 'A finished job', () => {
  let dir: TempDir;
  let nats: NatsServer;
  let manager: TestManager;
  let scheduler: FakeScheduler;
  let answer: ReturnType<typeof aTarget>[];

  beforeAll(async () => {
    dir = await makeTempDir();
    nats = await NatsServer.start();
    const options = { dataDir: dir.path, natsUrl: nats.url, keepAliveIntervalMs: 600_000 };
    manager = await startTestManager(options);
    await eventually(
      async () => (await manager.request('GET', '/readyz')).status === 200,
      PATIENCE,
    );
    scheduler = await FakeScheduler.start(manager, nats.url, () => [
      { targets: answer as never, is_last: true },
    ]);
    await enrolReported(manager, scheduler, 3);
  }, 30_000);
  afterAll(async () => {
    await scheduler.stop();
    await manager.stop();
    await nats.dispose();
    await dir.remove();
  }, 30_000);

  const run = async (
    body: object,
    targets: ReturnType<typeof aTarget>[],
  ): Promise<Answer['json']> => {
    answer = targets;
    const accepted = readSuccess(await manager.request('POST', '/api/v1/jobs', { body }));
    readListed(accepted);
    // The console asks once at once, and then only every minute: the first answer is the end.
    const first = readSuccess(await manager.request('GET', `/api/v1/jobs/${accepted.id}`));
    if (hasEnded(first)) return first;
    return readSuccess(await manager.request('GET', `/api/v1/jobs/${accepted.id}?wait=10s`));
  };
  const ofTask = (type: string) => ({ type, args: { task_id: TASK_ID } });

  it('that deleted everywhere has the documented JSON, and is shown as done', async () => {
    const job = await run(ofTask('delete_task'), [
      ...[aTarget(1, 'deleted'), aTarget(2, 'absent'), aTarget(3, 'deleted')],
    ]);
    expect(job).toEqual({
      ...aJob('delete_task', 'SUCCESS'),
      args: { task_id: TASK_ID, timeout: 3_600_000_000_000 },
      result: {
        ...aResult('delete_task', 'SUCCESS', 'complete'),
        ...{ finality: 'best_effort', finality_reasons: ['FOREIGN_HOSTS'] },
        finality_hosts: [1, 2, 3].map((index) => aHost(index).id),
        ...{ purge_seq: { '1': expect.any(Number) as number }, deleted_bytes: 200 },
        fences_hold_in_ms: null,
        counts: counts({ targets: 3, deleted: 2, absent: 1 }),
        success_peers: [1, 3].map((index) =>
          aPeerResult(index, { outcome: 'deleted', deleted_bytes: 100 }),
        ),
        ...{ failure_peers: [], fenced_peers: [] },
      },
    });
    expect(job.result.job_states[0].results).toEqual([
      {
        scheduler_cluster_id: 1,
        success_tasks: [1, 3].map((index) => ({
          ...{ hostname: aHost(index).host_name, ip: '10.0.0.1', host_type: 'normal' },
        })),
        failure_tasks: [],
      },
    ]);
    expect(readExecution(job)).toEqual({ badge: 'SUCCESS', errors: [] });
  });

  it('that one host did not answer says which and why, and is shown as failed', async () => {
    const targets = [aTarget(1, 'deleted'), silent(2), aTarget(3, 'absent')];
    const job = await run(ofTask('delete_task'), targets);
    expect(job).toMatchObject({
      ...aJob('delete_task', 'FAILURE'),
      result: {
        ...aResult('delete_task', 'FAILURE', 'partial'),
        counts: counts({ targets: 3, deleted: 1, absent: 1, failed: 1 }),
        failure_peers: [unreachable(2)],
      },
    });
    expect(job.result.job_states[0].results[0].failure_tasks).toMatchObject([
      { hostname: 'h00002', description: 'HOST_UNREACHABLE: No answer.' },
    ]);
    expect(readExecution(job)).toEqual({ badge: 'FAILURE', errors: ['1 of 3 hosts failed.'] });
    const none = await run(ofTask('delete_task'), [silent(1), silent(2), silent(3)]);
    expect(none.result.outcome).toBe('failed');
    expect(readExecution(none).badge).toBe('FAILURE');
  });

  it('that found the task names who holds it, and can be made a delete by the dialog', async () => {
    const job = await run(ofTask('get_task'), [holding(1), aTarget(2, 'absent'), silent(3)]);
    const { created_at_ms, updated_at_ms, finished_at_ms, ...facts } = HELD;
    const held = { ...facts, created_at: TIME, updated_at: TIME, finished_at: TIME };
    expect([created_at_ms, updated_at_ms, finished_at_ms]).toHaveLength(3);
    expect(job).toEqual({
      ...aJob('get_task', 'SUCCESS'),
      args: { task_id: TASK_ID, timeout: 3_600_000_000_000 },
      result: {
        ...aResult('get_task', 'SUCCESS', 'partial'),
        counts: { ...counts({ targets: 3, absent: 1, failed: 1 }), answered: 1 },
        peers: [{ ...aPeer(1), task: held }],
        failure_peers: [unreachable(3)],
      },
    });
    const [card] = readSearch(job);
    expect(card).toEqual({ clusterId: 1, holders: [{ name: 'h00001', isSeed: false }] });
    const deletion = await run(deleteFor(job, card!), deletedByFirst);
    expect(readExecution(deletion).badge).toBe('SUCCESS');
    expect(deletion.args.task_id).toBe(TASK_ID);
  });

  it('that was searched by url echoes the empty names of the form, and deletes the same task', async () => {
    const form = { url: 'http://e/b', tag: '', application: '', filtered_query_params: '' };
    const job = await run({ type: 'get_task', args: form }, [holding(1)]);
    expect(job.args).toMatchObject({ url: 'http://e/b' });
    const [card] = readSearch(job);
    const deletion = await run(deleteFor(job, card!), deletedByFirst);
    expect(deletion.args.task_id).toBe(job.args.task_id);
  });

  it('that found nobody is drawn as not found, and one that nobody answered as failed', async () => {
    const nobody = await run(ofTask('get_task'), [aTarget(1, 'absent'), aTarget(2, 'absent')]);
    expect(readSearch(nobody)).toEqual([]);
    expect(nobody.result).toMatchObject({ state: 'SUCCESS', outcome: 'complete', peers: [] });
    expect(nobody.result.job_states[0].results).toEqual([{ peers: null, scheduler_cluster_id: 1 }]);
    const failed = await run(ofTask('get_task'), [silent(1)]);
    expect(readExecution(failed).badge).toBe('FAILURE');
    expect(readSearch(failed)).toEqual([]);
  });

  it('that listed tasks has the page that was asked for', async () => {
    const body = { type: 'list_tasks', args: { page: 1, per_page: 1 } };
    const job = await run(body, [listing(1), listing(2), silent(3)]);
    expect(job).toMatchObject({
      ...aJob('list_tasks', 'SUCCESS'),
      result: {
        ...aResult('list_tasks', 'SUCCESS', 'partial'),
        ...{ page: 1, per_page: 1, total_count: 2 },
        peers: [{ ...aPeer(1), task: { id: TASK_ID } }],
        failure_peers: [unreachable(3)],
      },
    });
    expect(readExecution(job).badge).toBe('SUCCESS');
    const failed = await run(body, [silent(1)]);
    expect(failed.result).toMatchObject({ state: 'FAILURE', peers: [], total_count: 0 });
    expect(readExecution(failed).badge).toBe('FAILURE');
  });

  it('stands in lists of any size, by a Link header that the console reads', async () => {
    const all = await manager.request('GET', '/api/v1/jobs?page=1&per_page=10000000');
    const jobs = readSuccess(all) as unknown[];
    expect(jobs.length).toBeGreaterThan(5);
    for (const job of jobs) expect(readListed(job).state).not.toBe('PENDING');
    const page = await manager.request('GET', '/api/v1/jobs?type=delete_task&page=1&per_page=2');
    expect(readSuccess(page)).toHaveLength(2);
    const link = page.headers.get('link') ?? '';
    expect(link.length).toBeLessThan(2_000);
    expect(link).toMatch(/<[^>]*[?&]page=\d+[^>]*>;rel=last/);
    expect(readSuccess(await manager.request('GET', '/api/v1/jobs?type=preheat'))).toEqual([]);
    expect(readError(await manager.request('GET', '/api/v1/jobs/9999'))).toContain('9999');
    expect(readError(await manager.request('POST', '/api/v1/jobs', { body: {} }))).toContain(
      'type',
    );
  });
});
