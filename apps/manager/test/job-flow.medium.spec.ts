import type { PondhawkError } from '@pondhawk/core';
import { NatsServer } from '@pondhawk/messaging/testing';
import { describeWithTool, eventually, makeTempDir, type TempDir } from '@pondhawk/testing';
import { aTarget } from './ledger-fixtures.js';
import { FakeScheduler, deletesEverywhere, enrolReported } from './fake-scheduler.js';
import { startTestManager, type TestManager } from './manager-harness.js';

const TASK_ID = 'b'.repeat(64);
const A_DELETE = { body: { type: 'delete_task', args: { task_id: TASK_ID } } };
const PATIENCE = { timeoutMs: 15_000 };

describeWithTool('nats-server', 'a job from REST over the broker and back', () => {
  let dir: TempDir;
  let nats: NatsServer;
  let manager: TestManager;
  let scheduler: FakeScheduler | undefined;

  beforeEach(async () => {
    dir = await makeTempDir();
    nats = await NatsServer.start();
    manager = await startTestManager({
      dataDir: dir.path,
      natsUrl: nats.url,
      keepAliveIntervalMs: 60_000,
    });
    await eventually(
      async () => (await manager.request('GET', '/readyz')).status === 200,
      PATIENCE,
    );
  }, 30_000);

  afterEach(async () => {
    await scheduler?.stop();
    scheduler = undefined;
    await manager.stop();
    await nats.dispose();
    await dir.remove();
  }, 30_000);

  it('is accepted at once, and a reader that waits gets its end the moment it is reported', async () => {
    scheduler = await FakeScheduler.start(manager, nats.url, deletesEverywhere(5));
    await enrolReported(manager, scheduler, 5);
    const accepted = await manager.request('POST', '/api/v1/jobs', A_DELETE);
    expect([accepted.status, accepted.json.state, accepted.json.phase]).toEqual([
      200,
      'PENDING',
      'accepted',
    ]);
    const id = accepted.json.id as number;
    const ended = await manager.request('GET', `/api/v1/jobs/${id}?wait=30s`);
    const afterReportMs = performance.now() - scheduler.lastReportAtMs.get(id)!;
    expect(ended.json).toMatchObject({
      state: 'SUCCESS',
      result: { state: 'SUCCESS', outcome: 'complete', counts: { targets: 5, deleted: 5 } },
    });
    expect(ended.json.result.success_peers).toHaveLength(5);
    expect(afterReportMs).toBeLessThan(1_000);
    expect(scheduler.orders).toMatchObject([{ job_id: id, args: { task_id: TASK_ID } }]);
  });

  it('is not ended by a last report that overtakes the one before it', async () => {
    scheduler = await FakeScheduler.start(manager, nats.url, () => []);
    await enrolReported(manager, scheduler, 2);
    const { json: accepted } = await manager.request('POST', '/api/v1/jobs', A_DELETE);
    await eventually(() => scheduler!.orders.length === 1, PATIENCE);
    const [order] = scheduler.orders;
    const last = { targets: [aTarget(2, 'absent')] as never, number: 2, is_last: true };
    await scheduler.report(order!, last);
    const givenBackFor = () =>
      manager.log
        .withMessage('report will come again')
        .map(({ fields }) => (fields['err'] as PondhawkError).code);
    await eventually(() => expect(givenBackFor()).toContain('REPORT_EARLY'), PATIENCE);
    const { json: waiting } = await manager.request('GET', `/api/v1/jobs/${accepted.id}?wait=0`);
    expect([waiting.state, waiting.phase]).toEqual(['PENDING', 'accepted']);
    await scheduler.report(order!, { targets: [aTarget(1, 'deleted')] as never, number: 1 });
    const ended = await manager.request('GET', `/api/v1/jobs/${accepted.id}?wait=20s`);
    expect(ended.json).toMatchObject({
      state: 'SUCCESS',
      result: { outcome: 'complete', counts: { targets: 2, deleted: 1, absent: 1 } },
    });
  }, 60_000);

  it('shows each target as soon as it is reported, while another is still pending', async () => {
    scheduler = await FakeScheduler.start(manager, nats.url, () => [
      { targets: [1, 2].map((number) => aTarget(number, 'pending')) as never },
      { targets: [aTarget(1, 'deleted')] as never },
    ]);
    await enrolReported(manager, scheduler, 2);
    const { json } = await manager.request('POST', '/api/v1/jobs', A_DELETE);
    const targets = `/api/v1/jobs/${json.id}/targets`;
    await eventually(async () => {
      const { json: rows } = await manager.request('GET', `${targets}?outcome=deleted`);
      return rows.length === 1 && rows[0].peer.host_name === 'h00001';
    }, PATIENCE);
    const page = await manager.request('GET', `${targets}?page=2&per_page=1`);
    expect(page.json).toHaveLength(1);
    expect(page.headers.get('link')).toBe(
      [
        `<${targets}?page=1&per_page=1>;rel=prev`,
        `<${targets}?page=2&per_page=1>;rel=next`,
        `<${targets}?page=1&per_page=1>;rel=first`,
        `<${targets}?page=2&per_page=1>;rel=last`,
      ].join(','),
    );
    const waited = await manager.request('GET', `/api/v1/jobs/${json.id}?wait=0`);
    expect(waited.json.state).toBe('PENDING');
    await scheduler.report(scheduler.orders[0]!, {
      targets: [aTarget(2, 'failed')] as never,
      is_last: true,
    });
    const ended = await manager.request('GET', `/api/v1/jobs/${json.id}?wait=10s`);
    expect([ended.json.state, ended.json.result.outcome]).toEqual(['FAILURE', 'partial']);
    const listed = await manager.request('GET', '/api/v1/jobs?type=delete_task&state=FAILURE');
    expect(listed.json[0].result.job_states[0].results).toEqual([]);
    const forgotten = await manager.request('DELETE', `/api/v1/jobs/${json.id}`);
    expect([forgotten.status, forgotten.text]).toEqual([200, '']);
    expect((await manager.request('GET', `/api/v1/jobs/${json.id}`)).status).toBe(404);
  });

  it('tries again what failed, on that host alone, as a job of its own', async () => {
    let tries = 0;
    scheduler = await FakeScheduler.start(manager, nats.url, () => {
      tries += 1;
      const second =
        tries === 1 ? aTarget(2, 'failed', { code: 'UNLINK_FAILED' }) : aTarget(2, 'deleted');
      const targets = tries === 1 ? [aTarget(1, 'deleted'), second] : [second];
      return [{ targets: targets as never, is_last: true }];
    });
    await enrolReported(manager, scheduler, 2);
    const { json } = await manager.request('POST', '/api/v1/jobs', A_DELETE);
    const early = await manager.request('GET', `/api/v1/jobs/${json.id}?wait=10s`);
    expect(early.json.result.outcome).toBe('partial');
    const headers = { 'idempotency-key': 'again' };
    const post = () => manager.request('POST', `/api/v1/jobs/${json.id}/retry`, { headers });
    const again = await post();
    expect(again.json).toMatchObject({ retry_of: json.id, type: 'delete_task' });
    const ended = await manager.request('GET', `/api/v1/jobs/${again.json.id}?wait=10s`);
    expect(ended.json.result).toMatchObject({
      ...{ outcome: 'complete', settled_before: 1, purge_seq: { 1: 1 }, counts: { targets: 1 } },
    });
    expect((await post()).json.id).toBe(again.json.id);
    const done = await manager.request('POST', `/api/v1/jobs/${again.json.id}/retry`);
    expect([done.status, done.json.code]).toEqual([409, 'NOTHING_TO_RETRY']);
    const missing = await manager.request('POST', '/api/v1/jobs/999/retry');
    expect([missing.status, missing.json.code]).toEqual([404, 'JOB_NOT_FOUND']);
  });

  it('asks who holds a task and how much, and deletes nothing, when it is a dry run', async () => {
    const task = {
      ...{ id: TASK_ID, url: '', tag: '', application: '', state: 'complete' as const },
      ...{ content_length: 70, finished_bytes: 70, piece_length: 10 },
      ...{ created_at_ms: 1, updated_at_ms: 1, finished_at_ms: 1 },
    };
    scheduler = await FakeScheduler.start(manager, nats.url, () => [
      { targets: [aTarget(1, 'answered', { task }), aTarget(2, 'absent')] as never, is_last: true },
    ]);
    const body = { type: 'delete_task', args: { task_id: TASK_ID, dry_run: true } };
    const { json } = await manager.request('POST', '/api/v1/jobs', { body });
    expect(json).toMatchObject({ type: 'delete_task', args: { task_id: TASK_ID, dry_run: true } });
    const ended = await manager.request('GET', `/api/v1/jobs/${json.id}?wait=10s`);
    expect(ended.json).toMatchObject({
      ...{ type: 'delete_task', state: 'SUCCESS' },
      result: { dry_run: true, held_bytes: 70, counts: { answered: 1, absent: 1 } },
    });
    expect(ended.json.result.peers).toMatchObject([{ task: { id: TASK_ID } }]);
    expect(ended.json.result.job_states[0].results[0].failure_tasks).toEqual([]);
    expect(ended.json.result).not.toHaveProperty('purge_seq');
    expect(scheduler.orders.map(({ type, purge }) => [type, purge])).toEqual([
      ['get_task', undefined],
    ]);
    const wrong = { ...body, args: { ...body.args, dry_run: 'yes' } };
    const refused = await manager.request('POST', '/api/v1/jobs', { body: wrong });
    expect([refused.status, refused.json.message]).toEqual([
      ...[422, 'args.dry_run must be true or false.'],
    ]);
  });

  it('tells what hosts did that were asked from outside after a delete', async () => {
    const counts = { asked: 2, passed: 0, newer_copies: 0, failed: 1, unreachable: 1 };
    const serves = { state: 'failed' as const, message: '9 of 9 bytes came.' };
    const away = { state: 'unreachable' as const, message: 'No connection.' };
    const convicted = { code: 'STILL_SERVES', message: serves.message, verification: serves };
    scheduler = await FakeScheduler.start(manager, nats.url, () => [
      { targets: [aTarget(1, 'deleted'), aTarget(2, 'deleted')] as never, is_last: false },
      {
        targets: [
          aTarget(1, 'failed', convicted),
          aTarget(2, 'deleted', { verification: away }),
        ] as never,
        is_last: true,
        verification: counts,
      },
    ]);
    const body = { type: 'delete_task', args: { task_id: TASK_ID, verify: true } };
    const { json } = await manager.request('POST', '/api/v1/jobs', { body });
    expect(json).toMatchObject({
      args: { verify: true },
      result: { verification: { asked: 0, passed: 0 } },
    });
    const ended = await manager.request('GET', `/api/v1/jobs/${json.id}?wait=10s`);
    expect(ended.json).toMatchObject({
      state: 'FAILURE',
      result: {
        outcome: 'partial',
        verification: counts,
        success_peers: [{ outcome: 'deleted', verification: away }],
        failure_peers: [{ description: 'STILL_SERVES: 9 of 9 bytes came.', verification: serves }],
      },
    });
    expect(scheduler.orders.map(({ args }) => args)).toEqual([{ task_id: TASK_ID, verify: true }]);
    for (const [wrong, message] of [
      [{ verify: 'yes' }, 'args.verify must be true or false.'],
      [
        { verify: true, dry_run: true },
        'args.verify must not be true with args.dry_run: nothing is deleted.',
      ],
    ] as const) {
      const bad = { ...body, args: { ...body.args, ...wrong } };
      const refused = await manager.request('POST', '/api/v1/jobs', { body: bad });
      expect([refused.status, refused.json.message]).toEqual([422, message]);
    }
  });

  it('is accepted while the broker is away and carried out once it is back', async () => {
    // A question: a delete in a cluster without hosts would be over before the broker is back.
    scheduler = await FakeScheduler.start(manager, nats.url, () => [
      { targets: [1, 2].map((number) => aTarget(number, 'absent')) as never, is_last: true },
    ]);
    const question = { body: { ...A_DELETE.body, type: 'get_task' } };
    await nats.stop();
    await eventually(
      async () => (await manager.request('GET', '/readyz')).status === 503,
      PATIENCE,
    );
    const ready = await manager.request('GET', '/readyz');
    expect(ready.json.details.reasons).toEqual([expect.stringContaining('broker')]);
    const { status, json } = await manager.request('POST', '/api/v1/jobs', question);
    expect(status).toBe(200);
    await nats.restart();
    const ended = await manager.request('GET', `/api/v1/jobs/${json.id}?wait=30s`);
    expect(ended.json.result).toMatchObject({ state: 'SUCCESS', counts: { absent: 2 } });
  }, 60_000);

  it('gives up a report that cannot be read and goes on with the next', async () => {
    scheduler = await FakeScheduler.start(manager, nats.url, (order) => [
      { targets: 'none' as never },
      ...deletesEverywhere(1)(order),
    ]);
    const { json } = await manager.request('POST', '/api/v1/jobs', A_DELETE);
    const ended = await manager.request('GET', `/api/v1/jobs/${json.id}?wait=10s`);
    expect(ended.json.state).toBe('SUCCESS');
    await eventually(() => manager.log.withMessage('report given up').length === 1, PATIENCE);
  });

  it('ends for all that wait when the manager stops, without its end', async () => {
    // A question: a delete in a cluster without hosts is over at once.
    const question = { body: { ...A_DELETE.body, type: 'get_task' } };
    const { json } = await manager.request('POST', '/api/v1/jobs', question);
    const waiting = manager.request('GET', `/api/v1/jobs/${json.id}?wait=30s`);
    await manager.request('GET', '/healthz');
    await manager.stop();
    expect((await waiting).json.state).toBe('PENDING');
    manager = await startTestManager({ dataDir: dir.path, natsUrl: nats.url });
  }, 30_000);
});
