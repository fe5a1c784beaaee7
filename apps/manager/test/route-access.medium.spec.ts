import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makePassword } from '../src/identity/password.js';
import { OBJECTS } from '../src/identity/access-policy.js';
import { scopeOf, SCOPES } from '../src/identity/access-token.js';
import { routeLine, routesOf, type ListedRoute } from '../src/openapi/route-list.js';
import { request, useTestManager, type Answer } from './manager-harness.js';

const COMMITTED = join(__dirname, '..', 'routes.txt');
const FAR = '2100-01-01T00:00:00Z';
const PAST = '2001-01-01T00:00:00Z';
/** What is answered once the guard has let a call through: anything but a refusal to this caller. */
const REFUSALS = new Set([401, 403]);

/** Every caller there is; each route answers each of them as the list says. */
interface Callers {
  readonly anonymous: Record<string, string>;
  readonly guest: Record<string, string>;
  /** Its role may change jobs and read clusters. */
  readonly operator: Record<string, string>;
  readonly root: Record<string, string>;
  readonly signedOut: Record<string, string>;
  readonly disabled: Record<string, string>;
}

describe('the routes', () => {
  const manager = useTestManager();
  let routes: readonly ListedRoute[];
  let guarded: readonly ListedRoute[];
  let callers: Callers;
  const tokens = new Map<string, string>();

  const root = (method: string, path: string, body?: unknown): Promise<Answer> =>
    manager.get().request(method, path, body === undefined ? {} : { body });
  const bare = (
    route: Pick<ListedRoute, 'method' | 'path'>,
    headers: Record<string, string>,
  ): Promise<Answer> => {
    const path = route.path.replace(/:\w+/g, '999999');
    const { rest } = manager.get().running.addresses;
    return request(`http://${rest}${path}`, route.method, { headers });
  };
  const signUp = async (name: string): Promise<{ id: number; headers: Record<string, string> }> => {
    const password = makePassword();
    const body = { name, password, email: `${name}@example.com` };
    const { json } = await root('POST', '/api/v1/users/signup', body);
    const { rest } = manager.get().running.addresses;
    const session = await request(`http://${rest}/api/v1/users/signin`, 'POST', {
      body: { name, password },
    });
    return {
      id: json.id as number,
      headers: { authorization: `Bearer ${session.json.token as string}` },
    };
  };
  const makeToken = async (
    name: string,
    facts: { scopes: string[]; expired_at?: string; user_id?: number },
  ): Promise<number> => {
    const body = { name, expired_at: FAR, ...facts };
    const { json } = await root('POST', '/api/v1/personal-access-tokens', body);
    tokens.set(name, json.token as string);
    return json.id as number;
  };
  const bearer = (name: string) => ({ authorization: `Bearer ${tokens.get(name) ?? 'missing'}` });

  beforeAll(async () => {
    routes = routesOf(manager.get().running.app);
    guarded = routes.filter(({ access }) => access.kind !== 'open');
    const permissions = [
      { object: 'jobs', action: '*' },
      { object: 'clusters', action: 'read' },
    ];
    await root('POST', '/api/v1/roles', { role: 'operator', permissions });
    const operator = await signUp('operator');
    await root('PUT', `/api/v1/users/${operator.id}/roles/operator`);
    await root('DELETE', `/api/v1/users/${operator.id}/roles/guest`);
    const leaver = await signUp('leaver');
    await bare({ method: 'POST', path: '/api/v1/users/signout' }, leaver.headers);
    const disabled = await signUp('disabled');
    await root('PATCH', `/api/v1/users/${disabled.id}`, { state: 'disable' });
    const guest = await signUp('guest');
    callers = {
      anonymous: {},
      guest: guest.headers,
      operator: operator.headers,
      root: { authorization: manager.get().authorization },
      signedOut: leaver.headers,
      disabled: disabled.headers,
    };
    for (const scope of SCOPES) await makeToken(scope, { scopes: [scope] });
    await makeToken('expired', { scopes: [...SCOPES], expired_at: PAST });
    const inactive = await makeToken('inactive', { scopes: [...SCOPES] });
    const path = `/api/v1/personal-access-tokens/${inactive}`;
    await root('PATCH', path, { state: 'inactive' });
    await root(
      'DELETE',
      `/api/v1/personal-access-tokens/${await makeToken('revoked', { scopes: [...SCOPES] })}`,
    );
    await makeToken('of-operator', { scopes: [...SCOPES], user_id: operator.id });
    await makeToken('of-disabled', { scopes: [...SCOPES], user_id: disabled.id });
    tokens.set(
      'forged',
      `${tokens.get('job')!.slice(0, -1)}${tokens.get('job')!.endsWith('A') ? 'B' : 'A'}`,
    );
  }, 60_000);

  it('are those of routes.txt; else run npm run routes -w apps/manager', async () => {
    const lines = routes.map(routeLine);
    expect((await readFile(COMMITTED, 'utf8')).trimEnd().split('\n')).toEqual(lines);
  });

  it('are open only where nobody could be signed in, and name objects that rights can be given on', () => {
    expect(routes.filter(({ auth }) => auth === 'open').map(({ path }) => path)).toEqual([
      '/',
      '/api/v1/users/:id/reset_password',
      '/api/v1/users/refresh_token',
      '/api/v1/users/signin',
      '/api/v1/users/signin/:name',
      '/api/v1/users/signin/:name/callback',
      '/api/v1/users/signout',
      '/api/v1/users/signup',
      '/healthy',
      '/healthz',
      '/readyz',
    ]);
    const objects = guarded.map(({ access }) =>
      access.kind === 'permission' ? access.object : '',
    );
    expect(objects.filter((object) => !OBJECTS.some((known) => known === object))).toEqual([]);
  });

  it('refuse whoever has no good credential, each of them', async () => {
    const forged = { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJpZCI6MX0.' };
    for (const headers of [callers.anonymous, callers.signedOut, callers.disabled, forged]) {
      const answers = await Promise.all(guarded.map((route) => bare(route, headers)));
      const passed = guarded.filter((_, index) => answers[index]!.status !== 401);
      expect(passed.map(routeLine)).toEqual([]);
    }
  }, 60_000);

  it('let a guest read and nothing else, and nobody by a session where only tokens go', async () => {
    const answers = await Promise.all(guarded.map((route) => bare(route, callers.guest)));
    const passed = guarded.filter((_, index) => !REFUSALS.has(answers[index]!.status));
    const readable = guarded.filter(({ method, auth }) => method === 'GET' && auth !== 'token');
    expect(passed.map(routeLine)).toEqual(readable.map(routeLine));
  }, 60_000);

  it('let an own role do what its permissions say and nothing else', async () => {
    const answers = await Promise.all(guarded.map((route) => bare(route, callers.operator)));
    const passed = guarded.filter((_, index) => !REFUSALS.has(answers[index]!.status));
    const allowed = guarded.filter(
      ({ permission, auth }) =>
        auth !== 'token' && /^(jobs:(read|\*)|clusters:read)$/.test(permission),
    );
    expect(passed.map(routeLine)).toEqual(allowed.map(routeLine));
  }, 60_000);

  it.each(SCOPES)(
    'let a token of the scope %s do just that, by both ways',
    async (scope) => {
      const answers = await Promise.all(guarded.map((route) => bare(route, bearer(scope))));
      const passed = guarded.filter((_, index) => !REFUSALS.has(answers[index]!.status));
      expect(passed.map(routeLine)).toEqual(
        guarded.filter((route) => route.scope === scope).map(routeLine),
      );
      const refused = guarded.filter((route) => route.scope !== scope);
      for (const [index, route] of guarded.entries()) {
        if (!refused.includes(route)) continue;
        expect(answers[index]!.status).toBe(route.auth === 'token' ? 403 : 401);
      }
    },
    60_000,
  );

  it.each([
    ['expired', 403],
    ['inactive', 403],
    ['of-disabled', 403],
    ['revoked', 401],
    ['forged', 401],
    ['missing', 401],
  ] as const)(
    'refuse a token that is %s, each of them',
    async (name, status) => {
      const answers = await Promise.all(guarded.map((route) => bare(route, bearer(name))));
      for (const [index, route] of guarded.entries()) {
        const expected = route.auth === 'token' ? status : 401;
        expect([routeLine(route), answers[index]!.status]).toEqual([routeLine(route), expected]);
      }
    },
    60_000,
  );

  it('let no token do more than its user', async () => {
    const answers = await Promise.all(guarded.map((route) => bare(route, bearer('of-operator'))));
    const passed = guarded.filter((_, index) => !REFUSALS.has(answers[index]!.status));
    const allowed = guarded.filter(({ permission }) =>
      /^(jobs:(read|\*)|clusters:read)$/.test(permission),
    );
    expect(passed.map(routeLine)).toEqual(allowed.map(routeLine));
  }, 60_000);

  it('let root do everything', async () => {
    const own = guarded.filter(({ auth }) => auth !== 'token');
    const answers = await Promise.all(own.map((route) => bare(route, callers.root)));
    expect(own.filter((_, index) => REFUSALS.has(answers[index]!.status)).map(routeLine)).toEqual(
      [],
    );
    expect(scopeOf('users')).toBe('admin');
  }, 60_000);

  it('take a token of the query only where Dragonfly’s clients send one, and never repeat it', async () => {
    const query = `?access_token=${tokens.get('job')!}`;
    const there = await bare({ method: 'GET', path: `/oapi/v1/jobs${query}` }, {});
    expect([there.status, there.headers.get('link')]).toEqual([
      200,
      expect.stringMatching(/^<\/oapi\/v1\/jobs\?page=1&/) as string,
    ]);
    expect((await bare({ method: 'GET', path: `/api/v1/jobs${query}` }, {})).status).toBe(401);
  });
});
