import { NatsServer } from '@pondhawk/messaging/testing';
import { describeWithTool, eventually, makeTempDir, type TempDir } from '@pondhawk/testing';
import { EventClient } from './event-client.js';
import {
  type Answering,
  FakeScheduler,
  deletesEverywhere,
  enrolReported,
} from './fake-scheduler.js';
import { LedgerReader, LedgerWriter } from '../src/ledger/index.js';
import { aTarget } from './ledger-fixtures.js';
import { startTestManager, type TestManager } from './manager-harness.js';

const A_DELETE = { body: { type: 'delete_task', args: { task_id: 'd'.repeat(64) } } };
const PATIENCE = { timeoutMs: 15_000 };

describeWithTool('nats-server', 'the events of a job', () => {
  let dir: TempDir;
  let nats: NatsServer;
  let manager: TestManager;
  let scheduler: FakeScheduler | undefined;
  let clients: EventClient[];

  const start = () =>
    startTestManager({ dataDir: dir.path, natsUrl: nats.url, keepAliveIntervalMs: 60_000 });
  /** A scheduler, and the hosts that it will report: some of other daemons, which are waited for as long as it takes. */
  const startScheduler = async (answer: Answering): Promise<FakeScheduler> => {
    const started = await FakeScheduler.start(manager, nats.url, answer);
    await enrolReported(manager, started, 2);
    return started;
  };
  const follow = async (jobId: number, lastEventId?: string): Promise<EventClient> => {
    const url = `http://${manager.running.addresses.rest}/api/v1/jobs/${jobId}/events`;
    const client = await EventClient.open(url, {
      authorization: manager.authorization,
      lastEventId,
    });
    clients.push(client);
    return client;
  };
  const post = async (): Promise<number> =>
    (await manager.request('POST', '/api/v1/jobs', A_DELETE)).json.id as number;
  const report = (outcomes: string[], isLast: boolean) =>
    scheduler!.report(scheduler!.orders[0]!, {
      targets: outcomes.map((outcome, index) => aTarget(index + 1, outcome as never)) as never,
      is_last: isLast,
    });

  beforeEach(async () => {
    dir = await makeTempDir();
    nats = await NatsServer.start();
    manager = await start();
    clients = [];
    await eventually(
      async () => (await manager.request('GET', '/readyz')).status === 200,
      PATIENCE,
    );
  }, 30_000);
  afterEach(async () => {
    clients.forEach((client) => client.leave());
    await scheduler?.stop();
    scheduler = undefined;
    await manager.stop();
    await nats.dispose();
    await dir.remove();
  }, 30_000);

  it('end for whoever may not see them any more, and for nobody else', async () => {
    // Without a scheduler it does not end while the test runs.
    const search = { body: { ...A_DELETE.body, type: 'get_task' } };
    const { json } = await manager.request('POST', '/api/v1/jobs', search);
    const jobId = json.id as number;
    const root = (method: string, path: string, body?: unknown) =>
      manager.request(method, `/api/v1/${path}`, body === undefined ? {} : { body });
    const makeToken = async (name: string) => {
      const body = { name, expired_at: '2100-01-01T00:00:00Z', scopes: ['job'] };
      const made = await root('POST', 'personal-access-tokens', body);
      return { id: made.json.id as number, token: made.json.token as string };
    };
    const [one, other] = [await makeToken('one'), await makeToken('other')];
    const open = async (authorization: string) => {
      const url = `http://${manager.running.addresses.rest}/api/v1/jobs/${jobId}/events`;
      const client = await EventClient.open(url, { authorization });
      clients.push(client);
      return client;
    };
    const byOne = await open(`Bearer ${one.token}`);
    const byOther = await open(`Bearer ${other.token}`);
    const bySession = await open(manager.authorization);
    expect([byOne.status, byOther.status, bySession.status]).toEqual([200, 200, 200]);
    let hasOtherEnded = false;
    void byOther.ended.then(() => (hasOtherEnded = true));
    await root('DELETE', `personal-access-tokens/${one.id}`);
    await byOne.ended;
    expect(hasOtherEnded).toBe(false);
    await root('PATCH', `personal-access-tokens/${other.id}`, { scopes: ['cluster'] });
    await byOther.ended;
    await root('POST', 'users/signout', {});
    await bySession.ended;
  }, 30_000);

  it('are a snapshot, each change with what stands then, and the end; then nobody comes again', async () => {
    scheduler = await startScheduler(() => []);
    const jobId = await post();
    await eventually(() => scheduler!.orders.length === 1, PATIENCE);
    const client = await follow(jobId);
    await eventually(() => client.events.length === 1, PATIENCE);
    await report(['pending', 'pending'], false);
    await report(['deleted', 'pending'], false);
    await report(['deleted', 'failed'], true);
    await client.ended;
    expect(client.names).toEqual([
      'snapshot',
      'job-running',
      'targets-changed',
      'targets-changed',
      'order-ended',
      'targets-changed',
      'job-ended',
    ]);
    expect(client.events[0]?.data).toMatchObject({
      ...{ id: jobId, type: 'delete_task', state: 'PENDING', finality: 'best_effort' },
      ...{ counts: { targets: 0 }, purge_seq: { '1': 1 }, deleted_bytes: 0 },
    });
    expect(client.events.map(({ data }) => data.counts?.pending as number | undefined)).toEqual([
      ...[0, undefined, 2, 1, undefined, 0, 0],
    ]);
    expect(client.events.at(-1)?.data).toMatchObject({
      ...{ job_id: jobId, state: 'FAILURE', outcome: 'partial' },
      counts: { targets: 2, deleted: 1, failed: 1, pending: 0 },
    });
    const ids = client.events.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const again = await follow(jobId, client.lastId);
    expect(again.status).toBe(204);
    const late = await follow(jobId);
    await late.ended;
    expect(late.names).toEqual(['snapshot']);
    expect(late.events[0]?.data).toMatchObject({ state: 'FAILURE', phase: 'ended' });
  });

  it('go on after the last one that a client has, over a restart of the manager', async () => {
    scheduler = await startScheduler(() => []);
    const jobId = await post();
    await eventually(() => scheduler!.orders.length === 1, PATIENCE);
    const client = await follow(jobId);
    await report(['pending', 'pending'], false);
    await eventually(() => client.events.length === 3, PATIENCE);
    await manager.stop();
    await client.ended;
    await report(['deleted', 'pending'], false);
    manager = await start();
    const resumed = await follow(jobId, client.lastId);
    await eventually(() => resumed.events.length === 1, PATIENCE);
    await report(['deleted', 'deleted'], true);
    await resumed.ended;
    expect(resumed.names).toEqual([
      'targets-changed',
      'order-ended',
      'targets-changed',
      'job-ended',
    ]);
    expect(resumed.events[0]?.data.counts).toMatchObject({ deleted: 1, pending: 1 });
  }, 60_000);

  it('begin anew for a client whose last event is of another job, another ledger, or gone', async () => {
    const otherId = await post();
    const other = await follow(otherId);
    const jobId = await post();
    await eventually(() => other.events.length > 0, PATIENCE);
    for (const foreign of ['900000.1', '900000', '0', other.lastId]) {
      const client = await follow(jobId, foreign);
      await eventually(() => client.names[0] === 'snapshot', PATIENCE);
      expect(client.events[0]?.data.id).toBe(jobId);
    }
  });

  it('end again for a client that comes back for what a host did after the end', async () => {
    scheduler = await startScheduler(() => []);
    const jobId = await post();
    await eventually(() => scheduler!.orders.length === 1, PATIENCE);
    const client = await follow(jobId);
    await report(['failed', 'absent'], true);
    await client.ended;
    const writer = manager.running.app.get(LedgerWriter);
    const { epoch } = (await manager.running.app.get(LedgerReader).findLogState(1))!;
    await writer.execute('record-later', {
      ...{ atMs: Date.now(), clusterId: 1, epoch },
      outcomes: [{ hostId: aTarget(1, 'failed').host.id, seq: 1, outcome: 'deleted' }],
    });
    const back = await follow(jobId, client.lastId);
    await back.ended;
    expect(back.events).toMatchObject([{ name: 'targets-later', data: { later: { deleted: 1 } } }]);
    expect((await follow(jobId, back.lastId)).status).toBe(204);
  });

  it('end with the record, and refuse what is no job, no id, or no event', async () => {
    scheduler = await startScheduler(deletesEverywhere(2));
    const jobId = await post();
    await manager.request('GET', `/api/v1/jobs/${jobId}?wait=30s`);
    const events = (path: string, headers?: Record<string, string>) =>
      manager.request(
        'GET',
        `/api/v1/jobs/${path}/events`,
        headers === undefined ? {} : { headers },
      );
    await manager.request('DELETE', `/api/v1/jobs/${jobId}`);
    expect(await events(`${jobId}`)).toMatchObject({
      status: 404,
      json: { code: 'JOB_NOT_FOUND' },
    });
    expect(await events('one')).toMatchObject({ status: 422 });
    for (const bad of ['x', '-1', '1.', '1.2.3', '9'.repeat(40), '1 or 1=1']) {
      const answer = await events('1', { 'Last-Event-ID': bad });
      expect([bad, answer.status, answer.json.message]).toEqual([
        ...[bad, 422, expect.stringContaining('Last-Event-ID')],
      ]);
    }
  });

  it('reach every client of a job', async () => {
    scheduler = await startScheduler(() => []);
    const jobId = await post();
    await eventually(() => scheduler!.orders.length === 1, PATIENCE);
    const many = await Promise.all(Array.from({ length: 40 }, () => follow(jobId)));
    await report(['deleted', 'absent'], true);
    await Promise.all(many.map(({ ended }) => ended));
    for (const { names } of many) expect(names.at(-1)).toBe('job-ended');
    const metrics = await fetch(`http://${manager.running.addresses.metrics}/metrics`);
    expect(await metrics.text()).toContain('pondhawk_manager_event_listeners 0');
  });
});
