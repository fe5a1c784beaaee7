import { NatsServer } from '@pondhawk/messaging/testing';
import { describeWithTool, eventually, makeTempDir, type TempDir } from '@pondhawk/testing';
import { FakeScheduler } from './fake-scheduler.js';
import { aTarget } from './ledger-fixtures.js';
import { useTestManager } from './manager-harness.js';
import { startManagerProcess, type ManagerProcess } from './manager-process.js';

/** A delete would be over at once, as there are no hosts; a question waits for its scheduler. */
const A_QUESTION = { body: { type: 'get_task', args: { task_id: 'e'.repeat(64) } } };
const PATIENCE = { timeoutMs: 15_000 };

describe('POST /jobs/:id/cancel', () => {
  const manager = useTestManager();
  const post = (path: string) => manager.get().request('POST', `/api/v1/jobs/${path}`);

  it('ends a job that nobody has begun, says so to whoever follows, and lets it be forgotten then', async () => {
    const { json } = await manager.get().request('POST', '/api/v1/jobs', A_QUESTION);
    const id = json.id as number;
    const early = await manager.get().request('DELETE', `/api/v1/jobs/${id}`);
    expect([early.status, early.json.code]).toEqual([409, 'JOB_NOT_FINISHED']);
    const cancelled = await post(`${id}/cancel`);
    expect(cancelled).toMatchObject({
      status: 200,
      json: { id, phase: 'ended', state: 'FAILURE', cancelled_at: expect.any(String) },
    });
    expect(cancelled.json.result.outcome).toBe('cancelled');
    expect(await post(`${id}/cancel`)).toMatchObject({ status: 200, json: cancelled.json });
    expect((await manager.get().request('DELETE', `/api/v1/jobs/${id}`)).status).toBe(200);
  });

  it('answers 404 for no job, 422 for no id, and 409 for one that ended by itself', async () => {
    expect(await post('999/cancel')).toMatchObject({ status: 404 });
    expect(await post('x/cancel')).toMatchObject({ status: 422 });
    const short = { ...A_QUESTION.body.args, timeout: '1ms' };
    const body = { ...A_QUESTION.body, args: short };
    const { json } = await manager.get().request('POST', '/api/v1/jobs', { body });
    await manager.get().request('GET', `/api/v1/jobs/${json.id}?wait=10s`);
    const late = await post(`${json.id}/cancel`);
    expect([late.status, late.json.code]).toEqual([409, 'JOB_ENDED']);
  });
});

describeWithTool('nats-server', 'A cancel over the broker', () => {
  let dir: TempDir;
  let nats: NatsServer;
  let manager: ManagerProcess | undefined;
  let scheduler: FakeScheduler | undefined;

  beforeEach(async () => {
    dir = await makeTempDir();
    nats = await NatsServer.start();
  }, 30_000);

  afterEach(async () => {
    await scheduler?.stop();
    await manager?.stop();
    await nats.dispose();
    await dir.remove();
  }, 30_000);

  it('reaches the scheduler although the manager dies right after its commit', async () => {
    const fault = 'manager.job.cancel-committed';
    const first = await startManagerProcess({ dir: dir.path, natsUrl: nats.url, fault });
    scheduler = await FakeScheduler.start(first, nats.url, () => [
      { targets: [aTarget(1, 'pending')] as never },
    ]);
    const { json } = await first.request('POST', '/api/v1/jobs', A_QUESTION);
    const isRunning = async () =>
      (await first.request('GET', `/api/v1/jobs/${json.id}?wait=0`)).json.phase === 'running';
    await eventually(isRunning, PATIENCE);
    const cancel = first.request('POST', `/api/v1/jobs/${json.id}/cancel`);
    await expect(cancel).rejects.toThrow();
    expect(await first.process.ended).toMatchObject({ signal: 'SIGKILL' });
    first.fleet.close();

    const second = await startManagerProcess({ dir: dir.path, natsUrl: nats.url });
    manager = second;
    await eventually(() => scheduler!.cancels.length > 0, PATIENCE);
    const [told] = scheduler.cancels;
    expect(told).toMatchObject({ job_id: json.id, order_id: scheduler.orders[0]?.order_id });
    const spared = aTarget(1, 'skipped', { code: 'CANCELLED' });
    await scheduler.report(told!, { targets: [spared] as never, is_last: true });
    const ended = await second.request('GET', `/api/v1/jobs/${json.id}?wait=15s`);
    expect(ended.json.result).toMatchObject({ outcome: 'cancelled', counts: { skipped: 1 } });
  }, 60_000);
});
