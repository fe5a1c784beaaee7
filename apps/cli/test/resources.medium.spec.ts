import { FakeManager } from './fake-manager.js';
import { run, type CliRun } from './run-in-test.js';

describe('pondhawk over what the manager keeps', () => {
  let manager: FakeManager;

  beforeEach(async () => {
    manager = new FakeManager();
    await manager.start();
  });

  afterEach(async () => {
    await manager.stop();
  });

  const cli = (line: string, secret?: string): Promise<CliRun> =>
    run(line.split(' '), {
      env: { PONDHAWK_MANAGER: manager.url },
      ...(secret === undefined ? {} : { secret }),
    });
  const answer = (line: string, body: unknown, status = 200): void => {
    manager.answers.set(line.replace(' /', ' /api/v1/'), [{ status, body }]);
  };
  const asked = () => manager.requests.map(({ line }) => line.replace('/api/v1', ''));

  it.each([
    ['cluster', '/clusters', '--name c', 'name=c'],
    ['scheduler', '/schedulers', '--state active', 'state=active'],
    [
      'peer',
      '/peers',
      '--host-name h1 --scheduler-cluster-id 2',
      'scheduler_cluster_id=2&host_name=h1',
    ],
    ['token', '/personal-access-tokens', '--user-id 3', 'user_id=3'],
    ['user', '/users', '--state enable', 'state=enable'],
  ])('%s ls filters and pages, get shows one', async (noun, path, options, query) => {
    const row = { id: 7, name: 'n1', host_name: 'h1', state: '\u001b[31mred', scopes: ['a', 'b'] };
    answer(`GET ${path}`, [row]);
    answer(`GET ${path}/7`, row);
    const list = await cli(`${noun} ls --page 2 --per-page 5 ${options}`);
    expect(list).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('7') });
    expect(list.stdout).not.toContain('\u001b');
    expect(asked()).toEqual([`GET ${path}?page=2&per_page=5&${query}`]);
    const document = JSON.parse((await cli(`${noun} ls --json`)).stdout) as unknown;
    expect(document).toEqual({ rows: [row] });
    const shown = await cli(`${noun} get 7`);
    expect(shown.stdout).toContain('host_name');
    expect(await cli(`${noun} get x`)).toMatchObject({ exitCode: 2 });
  });

  it('says that there is none, and ends by what the manager says', async () => {
    answer('GET /peers', []);
    expect(await cli('peer ls')).toMatchObject({ exitCode: 0, stdout: 'None.\n' });
    answer('GET /peers/7', { message: 'There is no host 7.', code: 'HOST_NOT_FOUND' }, 404);
    const missing = await cli('peer get 7');
    expect(missing).toMatchObject({ exitCode: 1 });
    expect(missing.stderr).toContain('HOST_NOT_FOUND');
  });

  it('removes rows whose removal is answered by nothing', async () => {
    for (const [noun, path] of [
      ['cluster', '/clusters/7'],
      ['scheduler', '/schedulers/7'],
      ['peer', '/peers/7'],
      ['token', '/personal-access-tokens/7'],
    ]) {
      answer(`DELETE ${path}`, '');
      expect((await cli(`${noun} rm 7`)).stdout).toBe(`${noun} 7 removed\n`);
    }
    expect(asked()).toContain('DELETE /personal-access-tokens/7');
    expect(await cli('user rm 7')).toMatchObject({ exitCode: 2 });
  });

  it('makes clusters, changes their limits, and names no other field', async () => {
    answer('POST /clusters', { id: 8, name: 'c8' });
    expect((await cli('cluster create c8 --default')).stdout).toContain('c8');
    expect(manager.requests[0]?.body).toMatchObject({ name: 'c8', is_default: true });
    answer('PATCH /clusters/8', { id: 8 });
    await cli('cluster set 8 --job-rate-limit 20');
    expect(manager.requests[1]?.body).toEqual({
      scheduler_cluster_config: { job_rate_limit: 20 },
    });
    await cli('cluster set 8 --serve-without-lease on --allow-foreign-parents off');
    expect(manager.requests[2]?.body).toEqual({
      scheduler_cluster_config: { serve_without_lease: true, allow_foreign_parents: false },
    });
    expect(await cli('cluster set 8 --load-limit no')).toMatchObject({ exitCode: 2 });
    expect(await cli('cluster set 8 --serve-without-lease yes')).toMatchObject({ exitCode: 2 });
    expect(await cli('cluster set 8')).toMatchObject({ exitCode: 2 });
  });

  it('makes tokens, and shows them once', async () => {
    answer('POST /personal-access-tokens', { id: 9, token: 'pondhawk_pat_x' });
    const made = await cli('token create ci --scope job --scope cluster --expires 2027-01-31');
    expect(made.stdout).toContain('pondhawk_pat_x');
    expect(manager.requests[0]?.body).toEqual({
      ...{ name: 'ci', scopes: ['job', 'cluster'], expired_at: '2027-01-31T00:00:00.000Z' },
    });
    expect(await cli('token create ci --scope job')).toMatchObject({ exitCode: 2 });
    expect(await cli('token create ci --scope job --expires soon')).toMatchObject({ exitCode: 2 });
  });

  it('makes users without their password on the command line, and moves their roles', async () => {
    answer('POST /users/signup', { id: 4, name: 'eve' });
    const made = await cli('user create eve --email eve@example.com', 'secret-1234');
    expect(made.exitCode).toBe(0);
    expect(`${made.stdout}${made.stderr}`).not.toContain('secret-1234');
    expect(manager.requests[0]?.body).toEqual({
      ...{ name: 'eve', email: 'eve@example.com', password: 'secret-1234' },
    });
    answer('PATCH /users/4', { id: 4, state: 'disable' });
    answer('PUT /users/4/roles/ops', '');
    answer('DELETE /users/4/roles/guest', '');
    answer('GET /users/4/roles', ['ops']);
    await cli('user set-state 4 disable');
    await cli('user grant 4 ops');
    await cli('user revoke 4 guest');
    expect((await cli('user roles 4 --json')).stdout).toContain('"ops"');
    expect(asked().slice(1)).toEqual([
      ...['PATCH /users/4', 'PUT /users/4/roles/ops', 'DELETE /users/4/roles/guest'],
      'GET /users/4/roles',
    ]);
  });

  it('makes, shows and removes roles', async () => {
    answer('POST /roles', '');
    answer('GET /roles', ['root', 'ops']);
    answer('GET /roles/ops', [['ops', 'jobs', '*']]);
    answer('DELETE /roles/ops', '');
    await cli('role create ops --allow jobs:* --allow clusters:read');
    expect(manager.requests[0]?.body).toEqual({
      role: 'ops',
      permissions: [
        { object: 'jobs', action: '*' },
        { object: 'clusters', action: 'read' },
      ],
    });
    expect((await cli('role ls')).stdout).toContain('ops');
    expect((await cli('role get ops')).stdout).toContain('jobs');
    expect((await cli('role rm ops')).stdout).toBe('role ops removed\n');
    expect(await cli('role create ops --allow jobs')).toMatchObject({ exitCode: 2 });
  });

  it('lists audits by what they are about', async () => {
    answer('GET /audits', [{ id: 1, actor_name: 'root', operation: 'POST', path: '/api/v1/jobs' }]);
    expect((await cli('audit-log ls --actor-name root')).stdout).toContain('/api/v1/jobs');
    expect(asked()).toEqual(['GET /audits?actor_name=root']);
  });
});
