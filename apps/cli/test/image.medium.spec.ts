import { FakeManager } from './fake-manager.js';
import { run, type CliRun } from './run-in-test.js';

const MANIFEST = 'https://registry.test/v2/team/app/manifests/1.0';
const [CONFIG, LAYER] = ['https://registry.test/c', 'https://registry.test/l'];
const LAYERS = [
  { url: CONFIG, kind: 'config', digest: 'sha256:c', size: 1_024 },
  { url: LAYER, kind: 'layer', digest: 'sha256:l', size: 1_048_576 },
];
const ANSWER = {
  image: { layers: LAYERS },
  peers: [
    { hostname: 'h1', ip: '10.0.0.1', scheduler_cluster_id: 1, cached_layers: [{ url: LAYER }] },
  ],
  ...{ seed_peers: [], failure_peers: [], job_id: 7, state: 'SUCCESS', outcome: 'complete' },
  truncated: false,
};
const SILENT = { hostname: 'h2\u001b[2J', ip: '10.0.0.2', scheduler_cluster_id: 1 };
const PARTIAL = {
  ...{ ...ANSWER, state: 'FAILURE', outcome: 'partial' },
  failure_peers: [{ ...SILENT, code: 'HOST_UNREACHABLE', description: 'No answer.' }],
};

describe('pondhawk image', () => {
  let manager: FakeManager;

  beforeEach(async () => {
    manager = new FakeManager();
    await manager.start();
  });
  afterEach(async () => manager.stop());

  const cli = (
    answer: object,
    argv: readonly string[] = [],
    more: object = {},
  ): Promise<CliRun> => {
    manager.answers.set('POST /api/v1/jobs', [{ body: answer }]);
    return run(['image', MANIFEST, ...argv, '--manager', manager.url], more);
  };

  it('shows which hosts hold how much of it', async () => {
    const { exitCode, stdout } = await cli(ANSWER, ['--tag', 't', '--platform', 'linux/arm64']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('2 blobs, 1.0 MiB; 1 hosts hold some, 0 gave no answer');
    expect(stdout).toMatch(/h1 +10\.0\.0\.1 +1 of 2 +1\.0 MiB/);
    expect(manager.requests.map(({ body }) => body)).toEqual([
      {
        type: 'get_image_distribution',
        args: { url: MANIFEST, platform: 'linux/arm64', tag: 't' },
      },
    ]);
  });

  it('names hosts that gave no answer, with nothing that a terminal acts on, and ends with 3', async () => {
    const { exitCode, stdout } = await cli(PARTIAL);
    expect(exitCode).toBe(3);
    expect(stdout).toMatch(/10\.0\.0\.2 +- +- +HOST_UNREACHABLE: No answer\./);
    expect(stdout).not.toContain('\u001b');
  });

  it('says when hosts have not answered yet, and ends with 3', async () => {
    const { exitCode, stdout } = await cli({ ...ANSWER, state: 'PENDING', outcome: '' });
    expect([exitCode, stdout]).toEqual([3, expect.stringContaining('pondhawk job watch 7')]);
  });

  it('asks for the password of the registry, and shows the whole answer as JSON without it', async () => {
    const { stdout } = await cli(ANSWER, ['--json', '--username', 'me'], { secret: 'typed' });
    expect(JSON.parse(stdout)).toEqual(ANSWER);
    expect(manager.requests[0]?.body).toMatchObject({
      args: { username: 'me', password: 'typed' },
    });
  });

  it('fails when the answer is of no image, and refuses what is no URL', async () => {
    expect(await cli({ id: 7 })).toMatchObject({ exitCode: 1 });
    expect(await run(['image', 'app', '--manager', manager.url])).toMatchObject({ exitCode: 2 });
  });
});
