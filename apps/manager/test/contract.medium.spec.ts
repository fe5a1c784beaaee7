import { randomUUID } from 'node:crypto';
import { NatsServer } from '@pondhawk/messaging/testing';
import { describeWithTool, eventually, makeTempDir, type TempDir } from '@pondhawk/testing';
import { ContractChecker } from './contract-checker.js';
import { FakeScheduler, enrolReported } from './fake-scheduler.js';
import { aTarget } from './ledger-fixtures.js';
import { request, startTestManager, type Answer, type TestManager } from './manager-harness.js';

const PATIENCE = { timeoutMs: 15_000 };
const TASK = { args: { task_id: 'c'.repeat(64) }, scheduler_cluster_ids: [1] };
const HELD = {
  ...{ url: 'http://origin/f', tag: '', application: '', state: 'complete' as const },
  ...{ content_length: 10, finished_bytes: 10, piece_length: 4_194_304 },
  ...{ created_at_ms: 1, updated_at_ms: 2, finished_at_ms: 3 },
} as const;
const FAR = '2100-01-01T00:00:00Z';
/** Of these only a fault of the manager has one. */
const WITHOUT_ERROR = new Set(['signOut', 'isHealthy', 'isAlive', 'isReady']);
/** They would end the session that the walk goes on with. */
const ENDS_SESSION = new Set(['signOut', 'refreshToken']);
/** There is never such a task; and who comes by a provider is sent on, in a test of its own. */
const WITHOUT_SUCCESS = new Set([
  ...['getPersistentCacheTask', 'deletePersistentCacheTask'],
  ...['beginSignInByProvider', 'endSignInByProvider'],
]);

describeWithTool('nats-server', 'Each operation answers as the document says', () => {
  const checker = new ContractChecker();
  let dir: TempDir;
  let nats: NatsServer;
  let manager: TestManager;
  let scheduler: FakeScheduler;
  let targets: ReturnType<typeof aTarget>[] = [];
  let pat = '';

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
      { targets: targets as never, is_last: true },
    ]);
    await enrolReported(manager, scheduler, 3);
    const body = { name: 'walk', expired_at: FAR, scopes: ['job', 'cluster'] };
    pat = (await call('POST', '/api/v1/personal-access-tokens', body)).json.token as string;
  }, 30_000);
  afterAll(async () => {
    await scheduler.stop();
    await manager.stop();
    await nats.dispose();
    await dir.remove();
  }, 30_000);

  const send = async (
    method: string,
    path: string,
    how: { readonly body?: unknown; readonly headers?: Record<string, string> },
  ): Promise<Answer> => {
    const { rest } = manager.running.addresses;
    const answer = await request(`http://${rest}${path}`, method, how);
    const type = answer.headers.get('content-type') ?? '';
    const exchange = { method, path, status: answer.status, type, text: answer.text };
    expect(checker.faultOf(exchange)).toBeUndefined();
    return answer;
  };
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const token = path.startsWith('/oapi') ? `Bearer ${pat}` : manager.authorization;
    const answer = await send(method, path, {
      ...(body === undefined ? {} : { body }),
      headers: { authorization: token },
    });
    expect([method, path, answer.status, answer.text]).toEqual([method, path, 200, answer.text]);
    return answer;
  };
  const idOf = async (path: string, body: unknown): Promise<number> =>
    (await call('POST', path, body)).json.id as number;
  const examples = (name: string): readonly [object, object] => [
    checker.exampleOf(`create${name}`),
    checker.exampleOf(`update${name}`),
  ];
  /** Makes a row, reads it, changes it, lists all. */
  const keepRow = async (path: string, body: unknown, change?: unknown): Promise<number> => {
    const id = await idOf(path, body);
    await call('GET', `${path}/${id}`);
    await call('GET', path);
    if (change !== undefined) await call('PATCH', `${path}/${id}`, change);
    return id;
  };

  it('about users, sessions, roles, tokens and audits', async () => {
    const ada = checker.exampleOf('signUp');
    const user = `/api/v1/users/${await idOf('/api/v1/users/signup', ada)}`;
    for (const path of [user, `${user}/roles`, '/api/v1/users']) await call('GET', path);
    await call('PATCH', user, checker.exampleOf('updateUser'));
    await call('POST', '/api/v1/roles', checker.exampleOf('createRole'));
    for (const path of ['roles', 'roles/operator', 'permissions'])
      await call('GET', `/api/v1/${path}`);
    for (const method of ['POST', 'DELETE']) {
      const permission = checker.exampleOf('addPermission');
      await call(method, '/api/v1/roles/operator/permissions', permission);
    }
    for (const method of ['PUT', 'DELETE']) await call(method, `${user}/roles/operator`);
    await call('DELETE', '/api/v1/roles/operator');
    const reset = checker.exampleOf('resetPassword') as { new_password: string };
    await call('POST', `${user}/reset_password`, reset);
    const { json } = await call('POST', '/api/v1/users/signin', {
      ...{ name: 'ada', password: reset.new_password },
    });
    const headers = { authorization: `Bearer ${json.token as string}` };
    const renewed = await send('POST', '/api/v1/users/refresh_token', { headers });
    expect(renewed.status).toBe(200);
    await send('POST', '/api/v1/users/signout', { headers });
    expect((await send('POST', '/api/v1/users/refresh_token', { headers })).status).toBe(401);
    const tokens = '/api/v1/personal-access-tokens';
    const id = await keepRow(tokens, ...examples('Token'));
    await call('DELETE', `${tokens}/${id}`);
    await call('GET', '/api/v1/audits');
    await call('GET', '/api/v1/audits?after=0');
  });

  it.each(['/api/v1', '/oapi/v1'])('about clusters below %s', async (base) => {
    const id = await keepRow(
      `${base}/clusters`,
      {
        ...{ ...checker.exampleOf('createCluster'), name: `of-${base}` },
      },
      checker.exampleOf('updateCluster'),
    );
    await call('DELETE', `${base}/clusters/${id}`);
    await call('GET', `${base}/clusters/1/purge-log`);
  });

  it('about the parts of clusters, schedulers, seed peers and hosts', async () => {
    const of = (kind: string): string => `/api/v1/${kind}`;
    const cluster = await keepRow(of('scheduler-clusters'), ...examples('SchedulerCluster'));
    const seeds = await keepRow(of('seed-peer-clusters'), ...examples('SeedPeerCluster'));
    await call('PUT', `/api/v1/seed-peer-clusters/${seeds}/scheduler-clusters/${cluster}`);
    await call('GET', `/api/v1/scheduler-clusters/${cluster}`);
    await call('GET', `/api/v1/seed-peer-clusters/${seeds}`);
    const schedulerId = await keepRow(of('schedulers'), ...examples('Scheduler'));
    await call('PUT', `/api/v1/scheduler-clusters/${cluster}/schedulers/${schedulerId}`);
    const seedPeer = await keepRow(of('seed-peers'), ...examples('SeedPeer'));
    await call('PUT', `/api/v1/seed-peer-clusters/${seeds}/seed-peers/${seedPeer}`);
    const peer = await keepRow(of('peers'), checker.exampleOf('createPeer'));
    for (const path of [
      ...[`schedulers/${schedulerId}`, `seed-peers/${seedPeer}`, `peers/${peer}`],
      `scheduler-clusters/${cluster}`,
    ]) {
      await call('DELETE', of(path));
    }
    await call('DELETE', of(`seed-peer-clusters/${seeds}`));
    await call('GET', of('scheduler-features'));
    await call('GET', of('persistent-cache-tasks?scheduler_cluster_id=1'));
  });

  it('about what is kept by name', async () => {
    const kinds = { configs: 'Config', applications: 'Application', oauth: 'Oauth' };
    for (const [kind, name] of Object.entries(kinds)) {
      const id = await keepRow(`/api/v1/${kind}`, ...examples(name));
      await call('DELETE', `/api/v1/${kind}/${id}`);
    }
  });

  it.each(['/api/v1', '/oapi/v1'])('about jobs below %s', async (base) => {
    const jobs = `${base}/jobs`;
    const ended = async (body: object, answer: typeof targets): Promise<Answer> => {
      targets = answer;
      const id = await idOf(jobs, body);
      await call('GET', `${jobs}/${id}/targets`);
      return call('GET', `${jobs}/${id}?wait=10s`);
    };
    const task = { ...HELD, id: TASK.args.task_id };
    await ended({ type: 'get_task', ...TASK }, [
      aTarget(1, 'answered', { task }),
      aTarget(2, 'absent'),
    ]);
    await ended({ type: 'list_tasks', args: {}, scheduler_cluster_ids: [1] }, [
      aTarget(1, 'answered', { tasks: [task] }),
    ]);
    const failed = await ended({ type: 'delete_task', ...TASK }, [
      ...[aTarget(1, 'deleted'), aTarget(2, 'failed', { code: 'HOST_UNREACHABLE' })],
      aTarget(3, 'absent'),
    ]);
    expect(failed.json.result.failure_peers).toHaveLength(1);
    await ended({ type: 'gc', args: { type: 'job' } }, []);
    targets = [aTarget(2, 'deleted')];
    const again = await call('POST', `${jobs}/${failed.json.id}/retry`);
    await call('GET', `${jobs}/${again.json.id}?wait=10s`);
    await call('GET', `${jobs}/${failed.json.id}/targets`);
    await call('POST', `${jobs}/batch`, {
      jobs: [{ type: 'delete_task', ...TASK }, { type: 'x' }],
    });
    await call('GET', jobs);
    const open = await idOf(jobs, {
      type: 'get_task',
      ...TASK,
      scheduler_cluster_ids: [await emptyCluster()],
    });
    await follow(`${jobs}/${open}/events`);
    await call('POST', `${jobs}/${open}/cancel`);
    const all = await call('GET', `${jobs}/${open}/events`);
    const last = [...all.text.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? '';
    const done = await send('GET', `${jobs}/${open}/events`, {
      headers: { ...tokenFor(jobs), 'last-event-id': last },
    });
    expect(done.status).toBe(204);
    await call('DELETE', `${jobs}/${open}`);
  });

  it('about itself', async () => {
    for (const path of ['/healthy', '/healthz', '/readyz']) await call('GET', path);
    await call('POST', '/api/v1/purge-log/acknowledge');
  });

  it('and to nobody, to no id, to no JSON, to no object, and to other content', async () => {
    for (const { method, path, operation } of checker.operations) {
      const verb = method.toUpperCase();
      const at = path.replace(/\{\w+\}/g, '999999');
      const id = path.replace(/\{\w+\}/g, 'x');
      const headers = tokenFor(path);
      if (operation.security?.length !== 0) expect((await send(verb, at, {})).status).toBe(401);
      if (operation.requestBody === undefined) {
        if (!ENDS_SESSION.has(operation.operationId)) await send(verb, id, { headers });
        continue;
      }
      expect((await send(verb, at, { headers, body: '{' })).status).toBe(400);
      expect([404, 422]).toContain((await send(verb, at, { headers, body: [] })).status);
      const text = { ...headers, 'content-type': 'text/plain' };
      expect((await send(verb, at, { headers: text, body: 'a' })).status).toBe(415);
      const large = JSON.stringify({ name: 'x'.repeat(2 ** 20 + 1) });
      expect((await send(verb, at, { headers, body: large })).status).toBe(413);
      await send(verb, at, { headers, body: {} });
    }
  }, 60_000);

  it('all of them, with a success and with an error', () => {
    const missing = checker.operations.flatMap(({ operation: { operationId } }) => [
      ...(isSeen(operationId, 2) || WITHOUT_SUCCESS.has(operationId) ? [] : [operationId]),
      ...(isSeen(operationId, 4) || WITHOUT_ERROR.has(operationId) ? [] : [`!${operationId}`]),
    ]);
    expect(missing).toEqual([]);
  });

  const isSeen = (id: string, first: number): boolean =>
    [...checker.seen].some((key) => key.startsWith(`${id} ${first}`));
  const tokenFor = (path: string): Record<string, string> => ({
    authorization: path.startsWith('/oapi') ? `Bearer ${pat}` : manager.authorization,
  });
  const emptyCluster = (): Promise<number> =>
    idOf('/api/v1/clusters', {
      ...{ ...checker.exampleOf('createCluster'), name: `empty-${randomUUID()}` },
    });
  /** The first event of a stream that would go on. */
  const follow = async (path: string): Promise<void> => {
    const abort = new AbortController();
    const { rest } = manager.running.addresses;
    const options = { headers: tokenFor(path), signal: abort.signal };
    const stream = await fetch(`http://${rest}${path}`, options);
    const type = stream.headers.get('content-type') ?? '';
    const { value } = await stream.body!.getReader().read();
    abort.abort();
    const text = Buffer.from(value as Uint8Array).toString();
    expect(text).toContain('event: snapshot');
    const { status } = stream;
    expect(checker.faultOf({ method: 'GET', path, status, type, text })).toBeUndefined();
  };
});

describe('The check of answers', () => {
  const checker = new ContractChecker();
  const answer = { method: 'GET', path: '/healthz', status: 200, type: 'application/json' };

  it.each([
    ['a field too much', { ...answer, text: '{"status":"ok","more":1}' }],
    ['a field too little', { ...answer, text: '{}' }],
    ['a wrong type', { ...answer, text: '{"status":7}' }],
    ['another content type', { ...answer, type: 'text/html', text: '' }],
    ['a status that is not there', { ...answer, status: 418, text: '' }],
    ['a body where none is', { ...answer, method: 'DELETE', path: '/api/v1/jobs/1', text: '{}' }],
    ['a bad time', { ...answer, path: '/api/v1/configs/1', text: '{"created_at":"yesterday"}' }],
  ])('finds %s', (_what, exchange) => {
    expect(checker.faultOf({ ...answer, text: '{"status":"ok"}' })).toBeUndefined();
    expect(checker.faultOf(exchange)).toBeDefined();
  });
});
