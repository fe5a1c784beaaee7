import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NoFaults } from '@pondhawk/core';
import { Secret } from '@pondhawk/config';
import { MemoryLog, SystemClock } from '@pondhawk/observability';
import { eventually, makeTempDir, type TempDir } from '@pondhawk/testing';
import { SIGN_IN_FAILURES_MAX } from '../src/identity/sign-in-gate.js';
import { startManager } from '../src/start-manager.js';
import {
  ROOT_PASSWORD,
  request,
  testConfig,
  useTestManager,
  type Answer,
  type RequestOptions,
} from './manager-harness.js';

const PASSWORD = 'abcdefg1';
const JSON_TYPE = { 'content-type': 'application/json' };

describe('signing in', () => {
  const manager = useTestManager();
  const root = (method: string, path: string, body?: unknown): Promise<Answer> =>
    manager.get().request(method, `/api/v1${path}`, body === undefined ? {} : { body });
  const ask = (method: string, path: string, options: RequestOptions = {}): Promise<Answer> =>
    request(`http://${manager.get().running.addresses.rest}/api/v1${path}`, method, options);
  const signIn = (name: string, password: string): Promise<Answer> =>
    ask('POST', '/users/signin', { body: { name, password } });
  const withToken = (answer: Answer): RequestOptions => ({
    headers: { authorization: `Bearer ${answer.json.token as string}` },
  });
  const signUp = async (name: string): Promise<number> => {
    const body = { name, password: PASSWORD, email: `${name}@example.com`, location: 'berlin' };
    return (await root('POST', '/users/signup', body)).json.id as number;
  };

  it('answers the token, and the cookie that Dragonfly’s console reads', async () => {
    const answer = await signIn('root', ROOT_PASSWORD);
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.json as object)).toEqual(['token', 'expire']);
    const cookie = answer.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(
      /^jwt=[^;]+; Max-Age=(7199|7200); Path=\/; Expires=[^;]+; SameSite=Lax$/,
    );
    const [, payload = ''] = (answer.json.token as string).split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    expect(claims).toMatchObject({ id: 1, exp: Date.parse(answer.json.expire as string) / 1000 });
    const byCookie = { headers: { cookie: cookie.split(';')[0] ?? '' } };
    expect((await ask('GET', '/users/1', byCookie)).json.name).toBe('root');
  });

  it('does not tell a wrong password from a name that does not exist, nor one that is switched off', async () => {
    const id = await signUp('offline');
    await root('PATCH', `/users/${id}`, { state: 'disable' });
    const answers = [
      await signIn('root', 'wrong-password1'),
      await signIn('nobody', PASSWORD),
      await signIn('offline', PASSWORD),
    ];
    for (const { status, json } of answers) {
      expect([status, json.code]).toEqual([401, 'WRONG_PASSWORD']);
      expect(json).toEqual(answers[0]!.json);
    }
  });

  it('is locked after wrong passwords, also for the right one, and for names that do not exist', async () => {
    for (const name of ['locked', 'ghost']) {
      if (name === 'locked') await signUp(name);
      for (let count = 0; count < SIGN_IN_FAILURES_MAX; count += 1) {
        expect((await signIn(name, 'wrong-password1')).status).toBe(401);
      }
      const { status, json, headers } = await signIn(name, PASSWORD);
      expect([status, json.code]).toEqual([429, 'SIGN_IN_LOCKED']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(800);
    }
  });

  it('ends with signing out, and with a new password, which only the old one sets', async () => {
    const id = await signUp('changer');
    const first = await signIn('changer', PASSWORD);
    const second = await signIn('changer', PASSWORD);
    const isGood = async (answer: Answer) =>
      (await ask('GET', `/users/${id}`, withToken(answer))).status === 200;
    const out = await ask('POST', '/users/signout', { ...withToken(first), body: {} });
    expect([out.status, out.headers.get('set-cookie')?.startsWith('jwt=;')]).toEqual([200, true]);
    expect([await isGood(first), await isGood(second)]).toEqual([false, true]);
    const reset = (old_password: string, new_password: string) =>
      ask('POST', `/users/${id}/reset_password`, { body: { old_password, new_password } });
    expect((await reset('wrong-password1', 'hijklmn2')).status).toBe(401);
    expect((await reset(PASSWORD, 'hijklmn')).json.details).toEqual({ field: 'new_password' });
    expect((await reset(PASSWORD, 'hijklmn2')).status).toBe(200);
    expect(await isGood(second)).toBe(false);
    expect((await signIn('changer', 'hijklmn2')).status).toBe(200);
  });

  it('goes on by refresh_token, which ends the former session', async () => {
    await signUp('renewer');
    const former = await signIn('renewer', PASSWORD);
    const renewed = await ask('POST', '/users/refresh_token', withToken(former));
    expect([renewed.status, renewed.headers.get('set-cookie')?.startsWith('jwt=ey')]).toEqual([
      200,
      true,
    ]);
    expect((await ask('POST', '/users/refresh_token', withToken(former))).status).toBe(401);
    expect((await ask('POST', '/users/refresh_token', withToken(renewed))).status).toBe(200);
  });

  it('lets each user see and change himself, but not his state, nor others', async () => {
    const id = await signUp('selfie');
    await root('DELETE', `/users/${id}/roles/guest`);
    const own = withToken(await signIn('selfie', PASSWORD));
    expect((await ask('GET', `/users/${id}/roles`, own)).json).toEqual([]);
    const changed = await ask('PATCH', `/users/${id}`, { ...own, body: { bio: 'hello' } });
    expect(changed.json).toMatchObject({ bio: 'hello', location: 'berlin' });
    const state = { ...own, body: { state: 'enable' } };
    expect((await ask('PATCH', `/users/${id}`, state)).json.code).toBe('PERMISSION_DENIED');
    expect((await ask('GET', '/users/1', own)).status).toBe(401);
  });

  it('is no way in for pages of other sites', async () => {
    const cookie = (await signIn('root', ROOT_PASSWORD)).headers.get('set-cookie')!.split(';')[0]!;
    const { rest } = manager.get().running.addresses;
    const write = (headers: Record<string, string>) =>
      ask('POST', '/purge-log/acknowledge', { headers: { cookie, ...headers } });
    expect((await write({ origin: 'https://evil.example' })).json.code).toBe('ORIGIN_DENIED');
    expect((await write({ origin: 'null' })).json.code).toBe('ORIGIN_DENIED');
    expect((await write({ 'sec-fetch-site': 'cross-site' })).json.code).toBe('ORIGIN_DENIED');
    expect((await write({ origin: `http://${rest}` })).status).toBe(200);
    expect((await write({})).status).toBe(200);
    const body = { name: 'root', password: ROOT_PASSWORD };
    const headers = { ...JSON_TYPE, origin: 'https://evil.example' };
    expect((await ask('POST', '/users/signin', { body, headers })).status).toBe(401);
  });

  it('is not for everybody to sign up', async () => {
    const body = { name: 'intruder', password: PASSWORD, email: 'i@example.com' };
    expect((await ask('POST', '/users/signup', { body })).status).toBe(401);
    for (const [field, value] of [
      ['name', 'ab'],
      ['name', 'abcdefghijk'],
      ['password', 'abcdef1'],
      ['password', 'a'.repeat(21)],
      ['email', 'nothing'],
    ] as const) {
      const { status, json } = await root('POST', '/users/signup', { ...body, [field]: value });
      expect([status, json.details.field]).toEqual([422, field]);
    }
  });

  it('takes what Dragonfly’s console sends with no body: a type all the same', async () => {
    const id = await signUp('promoted');
    const call = (method: string) =>
      manager.get().request(method, `/api/v1/users/${id}/roles/root`, { headers: JSON_TYPE });
    const statuses = [
      (await call('PUT')).status,
      (await call('PUT')).status,
      (await call('DELETE')).status,
      (await call('DELETE')).status,
    ];
    expect(statuses).toEqual([200, 409, 200, 404]);
    expect((await root('DELETE', '/users/1/roles/root')).json.code).toBe('LAST_ROOT');
  });

  it('makes roles, in the shapes that Dragonfly’s clients read', async () => {
    const permission = { object: 'jobs', action: 'read' };
    const { status } = await root('POST', '/roles', { role: 'viewer', permissions: [permission] });
    expect(status).toBe(200);
    expect((await root('GET', '/roles')).json).toEqual(expect.arrayContaining(['viewer', 'root']));
    const more = { object: 'peers', action: '*' };
    await root('POST', '/roles/viewer/permissions', more);
    expect((await root('GET', '/roles/viewer')).json).toEqual([
      ['viewer', 'jobs', 'read'],
      ['viewer', 'peers', '*'],
    ]);
    expect((await root('DELETE', '/roles/viewer/permissions', more)).status).toBe(200);
    expect((await root('GET', '/permissions')).json).toContainEqual(permission);
    expect((await root('DELETE', '/roles/viewer')).status).toBe(200);
    const bad = { role: 'x', permissions: [{ object: 'moon', action: 'read' }] };
    expect((await root('POST', '/roles', bad)).json.details.field).toBe('permissions[0].object');
  });

  it('shows a token once, and keeps neither it nor a password in the ledger', async () => {
    const body = { name: 'ci', expired_at: '2100-01-01T00:00:00Z', bio: '', user_id: 1 };
    const made = await root('POST', '/personal-access-tokens', body);
    const { id, token } = made.json as { id: number; token: string };
    expect(made.json).toMatchObject({ scopes: ['job', 'cluster'], state: 'active', user_id: 1 });
    expect(token).toMatch(/^pondhawk_pat_[0-9a-f]{16}_[\w-]{43}$/);
    expect((await root('GET', `/personal-access-tokens/${id}`)).json).toMatchObject({
      ...{ token: '', expired_at: '2100-01-01T00:00:00.000Z', user: { id: 1, name: 'root' } },
    });
    const folder = manager.get().dataDir;
    const files = await Promise.all(
      ['manager.db', 'manager.db-wal'].map((name) => readFile(join(folder, name), 'latin1')),
    );
    const secret = token.split('_').slice(3).join('_');
    expect(files.join('').includes(secret)).toBe(false);
    expect(files.join('').includes(ROOT_PASSWORD)).toBe(false);
    expect(files.join('').includes('$argon2id$')).toBe(true);
  });

  it('is written into the audit log like every write: who, from where, which object, with which result', async () => {
    const task_id = 'e'.repeat(64);
    await root('POST', '/jobs', { type: 'delete_task', args: { task_id } });
    await root('DELETE', '/jobs/999999');
    await ask('POST', '/jobs', { body: {} });
    await signIn('nobody2', PASSWORD);
    await eventually(
      async () => (await root('GET', '/audits?actor_type=UNKNOWN&per_page=1')).json.length === 1,
      { timeoutMs: 5_000 },
    );
    const find = async (query: string) => {
      const { json } = await root('GET', `/audits?per_page=1&${query}`);
      return (json as object[])[0];
    };
    expect(await find('path=/api/v1/jobs&state=SUCCESS')).toMatchObject({
      ...{ actor_type: 'USER', actor_name: 'root', event_type: 'API', operation: 'POST' },
      ...{ status_code: 200, remote_ip: '127.0.0.1', object: 'jobs' },
      selector: `delete_task task=${task_id}`,
    });
    expect(await find('path=/api/v1/jobs/999999')).toMatchObject({
      ...{ state: 'FAILURE', status_code: 404, detail: 'JOB_NOT_FOUND', operation: 'DELETE' },
    });
    expect(await find('path=/api/v1/jobs&state=FAILURE')).toMatchObject({
      ...{ actor_type: 'UNKNOWN', actor_name: '', status_code: 401, detail: 'UNAUTHENTICATED' },
    });
    expect(await find('path=/api/v1/users/signin&state=FAILURE')).toMatchObject({
      ...{ actor_type: 'UNKNOWN', detail: 'WRONG_PASSWORD' },
    });
  });

  it('says nothing in the audit of a body that cannot be read, and names no more than a few fields', async () => {
    await root('POST', '/configs', `{"name":"motd","value":${'1'.repeat(9_000)}`);
    await root(
      'POST',
      '/configs',
      Object.fromEntries(Array.from({ length: 40 }, (_, n) => [n, 0])),
    );
    const audits = (await root('GET', '/audits?per_page=2')).json as { selector: string }[];
    const fields = Array.from({ length: 32 }, (_, n) => n).join(',');
    expect(audits.map(({ selector }) => selector)).toEqual([fields, '']);
  });

  it('says in the audit what a write is about: its object, its name, and which fields, but no value', async () => {
    const { json: made } = await root('POST', '/configs', { name: 'motd', value: 's3cret-value' });
    await root('PATCH', `/configs/${made.id}`, { value: 's3cret-value', bio: 'b' });
    await root('DELETE', `/configs/${made.id}`);
    await root('DELETE', '/configs/a%00b');
    const audits = (await root('GET', '/audits?per_page=4')).json as { selector: string }[];
    expect(audits.map(({ selector }) => selector)).toEqual([
      'id=ab',
      `id=${made.id}`,
      `id=${made.id} value,bio`,
      'name=motd name,value',
    ]);
  });
});

describe('the first start', () => {
  let dir: TempDir;

  beforeEach(async () => {
    dir = await makeTempDir();
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await dir.remove();
  });

  const start = (rootPassword: string) => {
    const config = testConfig({ dataDir: dir.path });
    config.auth.rootPassword = new Secret(rootPassword);
    const log = new MemoryLog();
    return startManager({ config, log, faults: new NoFaults(), clock: new SystemClock() });
  };
  const signIn = async (address: string, password: string) =>
    (
      await request(`http://${address}/api/v1/users/signin`, 'POST', {
        body: { name: 'root', password },
      })
    ).status;

  it('without a password makes one and prints it, once', async () => {
    const printed: string[] = [];
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      printed.push(String(text));
      return true;
    });
    const first = await start('');
    const made = /with the password (\S+)/.exec(printed.join(''))?.[1] ?? '';
    expect(made).toMatch(/^(?=.*[a-z])(?=.*\d)[a-z\d]{16}$/);
    expect(await signIn(first.addresses.rest, made)).toBe(200);
    await first.stop();
    printed.length = 0;
    const second = await start('');
    expect(printed.join('')).not.toContain('password');
    expect(await signIn(second.addresses.rest, made)).toBe(200);
    await second.stop();
  }, 30_000);

  it('refuses a configured password that nobody could sign in with', async () => {
    await expect(start('short')).rejects.toMatchObject({ code: 'ROOT_PASSWORD_UNUSABLE' });
  });
});
