import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HeldTask } from '@pondhawk/contracts';
import { NatsServer } from '@pondhawk/messaging/testing';
import { taskIdOfUrl } from '@pondhawk/pieces';
import {
  RegistryServer,
  TestAuthority,
  describeWithTool,
  eventually,
  makeTempDir,
  type TempDir,
} from '@pondhawk/testing';
import { ContractChecker } from './contract-checker.js';
import { FakeScheduler, enrolReported } from './fake-scheduler.js';
import { aTarget } from './ledger-fixtures.js';
import { type Answer, startTestManager, type TestManager } from './manager-harness.js';

const authority = new TestAuthority();
const account = { user: 'me', password: 'p4ssw0rd-of-the-test' };
const layers = [Buffer.from('base'), Buffer.from('app')];

describeWithTool('nats-server', 'get_image_distribution over REST', () => {
  const registry = new RegistryServer({ authority, auth: 'token', ...account });
  let dir: TempDir;
  let nats: NatsServer;
  let manager: TestManager;
  let scheduler: FakeScheduler;
  let held: (hostNumber: number) => string[];
  let urls: string[];

  beforeAll(async () => {
    dir = await makeTempDir();
    nats = await NatsServer.start();
    await registry.start();
    const caFile = join(dir.path, 'ca.pem');
    writeFileSync(caFile, authority.certificate);
    const { config, layers: pushed } = registry.content.putImage('app', { layers, tag: '1' });
    urls = [config, ...pushed].map(({ digest }) => registry.blobUrl('app', digest));
    manager = await startTestManager({
      ...{ dataDir: dir.path, natsUrl: nats.url, keepAliveIntervalMs: 60_000 },
      origin: { allow: ['127.0.0.1'], caFile },
    });
    await eventually(async () => (await manager.request('GET', '/readyz')).status === 200, {
      timeoutMs: 15_000,
    });
    scheduler = await FakeScheduler.start(manager, nats.url, () => {
      const task = { url: '', tag: '', application: '', state: 'complete' } as const;
      const sizes = { content_length: 1, finished_bytes: 1, piece_length: 1 };
      const tasksOf = (number: number): HeldTask[] =>
        held(number).map((id) => ({ id, ...task, ...sizes, created_at_ms: 1, updated_at_ms: 1 }));
      const targets = [1, 2].map((number) =>
        aTarget(number, 'answered', { tasks: tasksOf(number) }),
      );
      return [{ targets: [...targets, aTarget(3, 'failed')] as never, is_last: true }];
    });
    await enrolReported(manager, scheduler, 3);
  }, 60_000);

  afterAll(async () => {
    await scheduler.stop();
    await manager.stop();
    await nats.dispose();
    await registry.stop();
    await dir.remove();
  }, 30_000);

  const ask = (args: object = {}): Promise<Answer> => {
    const credentials = { username: account.user, password: account.password };
    const url = registry.manifestUrl('app', '1');
    const body = { type: 'get_image_distribution', args: { url, ...credentials, ...args } };
    return manager.request('POST', '/api/v1/jobs', { body });
  };

  it('tells which hosts hold which blobs, by one question for all of them', async () => {
    const ids = urls.map((url) => taskIdOfUrl({ url, tag: 't' }));
    held = (number) => (number === 1 ? [ids[2]!, ids[1]!] : []);
    scheduler.orders.length = 0;
    const { status, json, text } = await ask({ tag: 't' });
    expect(status).toBe(200);
    const exchange = { method: 'POST', path: '/api/v1/jobs', status, type: 'application/json' };
    expect(new ContractChecker().faultOf({ ...exchange, text })).toBeUndefined();
    expect(json.image.layers).toMatchObject(urls.map((url) => ({ url })));
    expect(json.peers).toMatchObject([
      {
        hostname: 'h00001',
        scheduler_cluster_id: 1,
        cached_layers: [{ url: urls[1] }, { url: urls[2] }],
      },
    ]);
    expect(json.failure_peers).toMatchObject([{ hostname: 'h00003' }]);
    expect([json.state, json.outcome, json.truncated]).toEqual(['SUCCESS', 'partial', false]);
    expect(scheduler.orders).toMatchObject([
      { job_id: json.job_id, type: 'list_tasks', args: { task_ids: ids } },
    ]);
  });

  it('keeps and shows no secret of it', async () => {
    held = () => [];
    const url = registry.manifestUrl('app', '1').replace('://', `://me:${account.password}@`);
    const { json } = await ask({ url });
    const job = await manager.request('GET', `/api/v1/jobs/${json.job_id}`);
    const audits = await manager.request('GET', '/api/v1/audits');
    expect(job.json.args.image_url).toContain('***');
    for (const text of [job.text, audits.text, JSON.stringify(manager.log.lines)]) {
      expect(text).not.toContain(account.password);
    }
  });

  it.each([
    ['a wrong password', { password: 'wrong' }, 'REGISTRY_CREDENTIALS_REFUSED', 'args.username'],
    ['no URL', { url: undefined }, 'INVALID_FIELD', 'args.url'],
    ['no image', { url: 'https://registry.test/app' }, 'INVALID_IMAGE_URL', 'args.url'],
    [
      'metadata',
      { url: 'http://169.254.169.254/v2/app/manifests/1' },
      'ORIGIN_ADDRESS_REFUSED',
      '',
    ],
    ['a platform that is none', { platform: 'linux' }, 'INVALID_PLATFORM', 'args.platform'],
    ['headers that are no texts', { headers: { a: 1 } }, 'INVALID_FIELD', 'args.headers'],
    ['a list of headers', { headers: ['a'] }, 'INVALID_FIELD', 'args.headers'],
    ['a timeout that is none', { timeout: 'soon' }, 'INVALID_DURATION', 'args.timeout'],
  ])('refuses %s with 422, and asks no host', async (_, args, code, field) => {
    scheduler.orders.length = 0;
    const { status, json } = await ask(args);
    expect([status, json.code, json.details.field ?? '']).toEqual([422, code, field]);
    expect(scheduler.orders).toEqual([]);
  });

  it('says 404 for an image that is not there', async () => {
    const { status, json } = await ask({ url: registry.manifestUrl('app', '2') });
    expect([status, json.code]).toEqual([404, 'IMAGE_NOT_FOUND']);
  });
});
