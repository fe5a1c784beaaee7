import { FakeManager } from './fake-manager.js';
import { run, type CliRun } from './run-in-test.js';

const MANIFEST = 'https://registry.test/v2/team/app/manifests/1.0';

describe('pondhawk preheat', () => {
  let manager: FakeManager;

  beforeEach(async () => {
    manager = new FakeManager();
    await manager.start();
    manager.answers.set('POST /api/v1/jobs', [{ body: { id: 7, type: 'preheat', result: {} } }]);
  });
  afterEach(async () => manager.stop());

  const cli = (argv: readonly string[], more: object = {}): Promise<CliRun> =>
    run(['preheat', ...argv, '--manager', manager.url], more);
  const sent = () => manager.requests.map(({ body }) => body);

  it('orders files with all that says where to', async () => {
    const where = ['--scope', 'all_peers', '--ip', '10.0.0.1', '--ip', '10.0.0.2'];
    const how = ['--concurrent-task-count', '2', '--concurrent-peer-count', '9', '--tag', 't'];
    const more = ['--header', 'X-Own: 1', '--cluster', '3', '--timeout', '10m'];
    const ended = await cli(['http://o/a', 'http://o/b', ...where, ...how, ...more]);
    expect([ended.exitCode, ended.stderr]).toEqual([0, '']);
    expect(ended.stdout).toContain('pondhawk job watch 7');
    expect(sent()).toEqual([
      {
        type: 'preheat',
        args: {
          ...{ type: 'file', urls: ['http://o/a', 'http://o/b'], tag: 't' },
          ...{ headers: { 'X-Own': '1' }, scope: 'all_peers', ips: ['10.0.0.1', '10.0.0.2'] },
          ...{ concurrent_task_count: 2, concurrent_peer_count: 9, timeout: '10m' },
        },
        scheduler_cluster_ids: [3],
      },
    ]);
  });

  it('asks for the password of a registry, or takes it from the environment, and shows neither', async () => {
    const image = [MANIFEST, '--image', '--platform', 'linux/arm64', '--username', 'me'];
    const asked = await cli(image, { secret: 'typed' });
    const given = await cli(image, { env: { PONDHAWK_REGISTRY_PASSWORD: 'kept' } });
    const args = { type: 'image', url: MANIFEST, platform: 'linux/arm64', username: 'me' };
    expect(sent()).toMatchObject(
      ['typed', 'kept'].map((password) => ({ args: { ...args, password } })),
    );
    expect(JSON.stringify([asked, given])).not.toMatch(/typed|kept/);
  });

  it('shows what each host has now, and how many tasks it was about', async () => {
    const done = { state: 'SUCCESS', outcome: 'complete', counts: { targets: 1, preheated: 1 } };
    const args = { task_ids: ['a'.repeat(64), 'b'.repeat(64)] };
    const job = {
      ...{ id: 7, type: 'preheat', phase: 'ended', state: 'SUCCESS' },
      args,
      result: done,
    };
    const tasks = [{ bytes: 3_000 }, { bytes: 456 }];
    const peer = { host_name: 'h1', ip: '10.0.0.1' };
    manager.answers.set('GET /api/v1/jobs/7', [{ body: job }]);
    manager.answers.set('GET /api/v1/jobs/7/targets', [
      { body: [{ node: 'host:h1', peer, outcome: 'preheated', tasks }] },
    ]);
    manager.answers.set('GET /api/v1/jobs', [{ body: [job] }]);
    const { exitCode, stdout } = await cli(['http://o/a', 'http://o/b', '--wait']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/h1 +10\.0\.0\.1 +preheated +3456/);
    const listed = await run(['job', 'ls', '--manager', manager.url]);
    expect(listed.stdout).toContain('2 tasks');
  });

  it.each([
    ['an image with two URLs', [MANIFEST, MANIFEST, '--image']],
    ['a platform of files', ['http://o/a', '--platform', 'linux/amd64']],
    ['a user of files', ['http://o/a', '--username', 'me']],
    ['no URL', ['abc']],
    ['a scope that is none', ['http://o/a', '--scope', 'some']],
  ])('refuses %s without asking the manager', async (_name, argv) => {
    expect((await cli(argv)).exitCode).toBe(2);
    expect(sent()).toEqual([]);
  });
});
