import { schedulerNode, schedulerRecord, type OrderPayload } from '@pondhawk/contracts';
import { NatsServer } from '@pondhawk/messaging/testing';
import { describeWithTool, eventually, makeTempDir, type TempDir } from '@pondhawk/testing';
import { FakeScheduler, type Answering } from './fake-scheduler.js';
import { startTestManager, type TestManager } from './manager-harness.js';
import { startManagerProcess, type ManagerProcess } from './manager-process.js';

const SYNC = { body: { type: 'sync_peers', scheduler_cluster_ids: [1] } };
// A report that the dead process had taken is delivered again after 30 s.
const RECOVERY_MS = 60_000;

/** A scheduler that has told of so many hosts. */
const tells =
  (host_count: number): Answering =>
  ({ schedulers, scheduler_id }: OrderPayload) => [
    {
      targets: [
        {
          ...{ node: schedulerNode(scheduler_id), outcome: 'answered', host_count, try: 1 },
          host: schedulerRecord(schedulers[0]!),
          ...{ attempts: 1, started_at_ms: 1, ended_at_ms: 2 },
        },
      ],
      is_last: true,
    },
  ];

describeWithTool('nats-server', 'sync_peers over REST', () => {
  let dir: TempDir;
  let nats: NatsServer;
  let manager: TestManager | undefined;
  let killed: ManagerProcess | undefined;
  let scheduler: FakeScheduler | undefined;

  beforeEach(async () => {
    dir = await makeTempDir();
    nats = await NatsServer.start();
  }, 30_000);
  afterEach(async () => {
    await scheduler?.stop();
    await manager?.stop();
    await killed?.stop();
    [scheduler, manager, killed] = [undefined, undefined, undefined];
    await nats.dispose();
    await dir.remove();
  }, 30_000);

  const start = async (): Promise<TestManager> => {
    manager = await startTestManager({
      ...{ dataDir: dir.path, natsUrl: nats.url, keepAliveIntervalMs: 60_000 },
    });
    await eventually(async () => (await manager!.request('GET', '/readyz')).status === 200, {
      timeoutMs: 15_000,
    });
    return manager;
  };

  it('is over when it is answered, and names each scheduler with its hosts', async () => {
    const running = await start();
    scheduler = await FakeScheduler.start(running, nats.url, tells(12));
    const { status, json } = await running.request('POST', '/api/v1/jobs', SYNC);
    expect([status, json]).toMatchObject([
      200,
      {
        ...{ type: 'sync_peers', state: 'SUCCESS', phase: 'ended' },
        result: {
          ...{ outcome: 'complete', hosts: 12, peers: [], failure_peers: [] },
          counts: { targets: 1, answered: 1, pending: 0 },
          job_states: [{ state: 'SUCCESS', results: [{ peers: null, scheduler_cluster_id: 1 }] }],
        },
      },
    ]);
    const targets = await running.request('GET', `/api/v1/jobs/${json.id}/targets`);
    expect(targets.json).toMatchObject([
      { node: `scheduler:${scheduler.id}`, outcome: 'answered', hosts: 12, task: null },
    ]);
    const listed = await running.request('GET', '/api/v1/jobs?type=sync_peers');
    expect(listed.json).toHaveLength(1);
    const retry = await running.request('POST', `/api/v1/jobs/${json.id}/retry`);
    expect([retry.status, retry.json.code]).toEqual([409, 'NOTHING_TO_RETRY']);
  }, 40_000);

  it('is answered at once where there is no scheduler to wait for, and can be cancelled', async () => {
    const running = await start();
    const { json } = await running.request('POST', '/api/v1/jobs', SYNC);
    expect(json).toMatchObject({ state: 'PENDING', result: { hosts: 0 } });
    const cancelled = await running.request('POST', `/api/v1/jobs/${json.id}/cancel`);
    expect(cancelled.json).toMatchObject({ state: 'FAILURE', result: { outcome: 'cancelled' } });
    const wrong = { body: { type: 'sync_peers', scheduler_cluster_ids: [9] } };
    const refused = await running.request('POST', '/api/v1/jobs', wrong);
    expect([refused.status, refused.json.code]).toEqual([404, 'CLUSTER_NOT_FOUND']);
  }, 40_000);

  it.each(['manager.job.committed', 'manager.outbox.published', 'manager.report.received'])(
    'is carried out after the restart of a manager that was killed at %s',
    async (fault) => {
      const first = await startManagerProcess({ dir: dir.path, natsUrl: nats.url, fault });
      scheduler = await FakeScheduler.start(first, nats.url, tells(3));
      await first.request('POST', '/api/v1/jobs', SYNC).catch(() => undefined);
      expect(await first.process.ended).toEqual({ code: null, signal: 'SIGKILL' });
      first.fleet.close();
      const again = await startManagerProcess({ dir: dir.path, natsUrl: nats.url });
      killed = again;
      await eventually(
        async () => {
          const { json } = await again.request('GET', '/api/v1/jobs/1?wait=0');
          expect(json).toMatchObject({ state: 'SUCCESS', result: { hosts: 3 } });
        },
        { timeoutMs: RECOVERY_MS },
      );
      expect((await again.request('GET', '/api/v1/jobs')).json).toHaveLength(1);
    },
    120_000,
  );
});
