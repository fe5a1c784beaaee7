import { randomUUID } from 'node:crypto';
import { ContractChecker } from './contract-checker.js';
import { useTestManager, type Answer } from './manager-harness.js';
import { OidcTestProvider, type TokenDraft } from './oidc-test-provider.js';

const CLIENT = { clientId: 'pondhawk', clientSecret: 's3cr3t' };
const SIGN_IN = '/api/v1/users/signin/corp';
const BACK = `http://manager.test${SIGN_IN}/callback`;

describe('Signing in by a provider', () => {
  const manager = useTestManager();
  const contract = new ContractChecker();
  let provider: OidcTestProvider;
  let rowId: number;

  const root = (method: string, path: string, body?: unknown): Promise<Answer> =>
    manager.get().request(method, `/api/v1/${path}`, body === undefined ? {} : { body });

  beforeAll(async () => {
    provider = await OidcTestProvider.start({ ...CLIENT, redirectUris: [BACK] });
    const { json } = await root('POST', 'oauth', {
      ...{ name: 'corp', client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret },
      ...{ issuer: provider.issuer, redirect_url: BACK },
    });
    rowId = json.id as number;
  }, 30_000);
  afterAll(() => provider.stop());
  beforeEach(() => {
    provider.spoil = () => undefined;
    provider.person = { sub: randomUUID(), preferred_username: `u${randomUUID().slice(0, 6)}` };
    provider.isDown = false;
    provider.discovery = {};
  });

  /** As a browser: no redirect is followed, cookies are kept by the caller. */
  const open = async (path: string, cookie = ''): Promise<Visit> => {
    const url = `http://${manager.get().running.addresses.rest}${path}`;
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    if (response.status !== 302) {
      const exchange = { method: 'GET', path, status: response.status, type, text };
      expect(contract.faultOf(exchange)).toBeUndefined();
    }
    return {
      status: response.status,
      text,
      location: response.headers.get('location') ?? '',
      cookies: response.headers.getSetCookie(),
    };
  };
  /** To the provider and back, up to the last step. */
  const walk = async (): Promise<{ back: string; cookie: string }> => {
    const begun = await open(SIGN_IN);
    expect(begun.status).toBe(302);
    const at = await fetch(begun.location, { redirect: 'manual' });
    const back = new URL(at.headers.get('location') ?? '');
    expect(`${back.origin}${back.pathname}`).toBe(BACK);
    return { back: `${back.pathname}${back.search}`, cookie: cookieOf(begun) };
  };
  const finish = async (): Promise<Visit> => {
    const { back, cookie } = await walk();
    return open(back, cookie);
  };
  const sessionOf = ({ cookies }: Visit): string =>
    /^jwt=([^;]+)/.exec(cookies.find((one) => one.startsWith('jwt=')) ?? '')?.[1] ?? '';
  const refusal = ({ status, text, cookies }: Visit): unknown[] => {
    expect(cookies.some((one) => one.startsWith('jwt='))).toBe(false);
    expect(text).not.toMatch(/secret-of-provider|127\.0\.0\.1|s3cr3t|eyJ/);
    return [status, (JSON.parse(text) as { code: string }).code];
  };
  const usersCount = async (): Promise<number> =>
    (await root('GET', 'users?per_page=1000')).json.length as number;

  it('makes a guest at the first time, and lets the same one in ever after', async () => {
    const name = String(provider.person['preferred_username']);
    provider.person = { ...provider.person, email: `${name}@corp.test`, email_verified: true };
    const first = await finish();
    expect([first.status, first.location]).toEqual([302, '/']);
    const headers = { authorization: `Bearer ${sessionOf(first)}` };
    const { id } = JSON.parse(
      Buffer.from(sessionOf(first).split('.')[1]!, 'base64url').toString(),
    ) as { id: number };
    const own = await manager.get().request('GET', `/api/v1/users/${id}`, { headers });
    expect(own.json).toMatchObject({ name, email: `${name}@corp.test`, state: 'enable' });
    expect((await root('GET', `users/${id}/roles`)).json).toEqual(['guest']);
    const count = await usersCount();
    provider.person = { sub: provider.person['sub'], preferred_username: 'renamed' };
    expect(sessionOf(await finish())).not.toBe('');
    expect(await usersCount()).toBe(count);
    const { json: audits } = await root('GET', `audits?path=${SIGN_IN}/callback`);
    expect(audits[0]).toMatchObject({ actor_name: name, state: 'SUCCESS' });
  });

  it('never takes somebody for a user of the same name or address', async () => {
    provider.person = { sub: 'evil', preferred_username: 'root', email: 'root@example.com' };
    const { json: roots } = await root('GET', 'users?name=root');
    const visit = await finish();
    const { json: me } = await root('GET', 'users?per_page=1000');
    const made = (me as { id: number; name: string; email: string }[]).at(-1)!;
    expect(visit.status).toBe(302);
    expect(made.id).not.toBe(roots[0].id);
    expect([made.name, made.email]).toEqual([
      expect.stringMatching(/^root-[0-9a-f]{4}$/),
      expect.stringMatching(/@users\.invalid$/),
    ]);
    expect((await root('GET', `users/${made.id}/roles`)).json).toEqual(['guest']);
  });

  it.each<[string, (draft: TokenDraft) => void]>([
    ['a wrong nonce', ({ claims }) => (claims['nonce'] = 'other')],
    ['no nonce', ({ claims }) => delete claims['nonce']],
    ['an expired token', ({ claims }) => (claims['exp'] = Math.floor(Date.now() / 1000) - 60)],
    ['a token of another issuer', ({ claims }) => (claims['iss'] = 'https://evil.test')],
    ['a token for another audience', ({ claims }) => (claims['aud'] = 'somebody-else')],
    ['a token without a signature', (draft) => (draft.alg = 'none')],
    ['a token signed by a stranger', (draft) => (draft.key = provider.strangersKey)],
    ['a token about nobody', ({ claims }) => delete claims['sub']],
  ])('refuses %s', async (_what, spoil) => {
    provider.spoil = spoil;
    const count = await usersCount();
    expect(refusal(await finish())).toEqual([401, 'SIGN_IN_NOT_PROVED']);
    expect(await usersCount()).toBe(count);
  });

  it('refuses a wrong state, and one of another browser', async () => {
    const { back, cookie } = await walk();
    const other = await open(SIGN_IN);
    const wrong = back.replace(/state=[^&]+/, 'state=other');
    expect(refusal(await open(wrong, cookie))).toEqual([401, 'SIGN_IN_NOT_PROVED']);
    expect(refusal(await open(back, cookieOf(other)))).toEqual([401, 'SIGN_IN_NOT_PROVED']);
    expect(refusal(await open(back))).toEqual([401, 'SIGN_IN_NOT_BEGUN']);
    expect(refusal(await open(back, 'pondhawk_sign_in=AAAA'))).toEqual([401, 'SIGN_IN_NOT_BEGUN']);
  });

  it('refuses a code that was used already', async () => {
    const { back, cookie } = await walk();
    const first = await open(back, cookie);
    expect(first.status).toBe(302);
    expect(first.cookies.some((one) => /^pondhawk_sign_in=;/.test(one))).toBe(true);
    expect(refusal(await open(back, cookie))).toEqual([401, 'SIGN_IN_NOT_PROVED']);
  });

  it('refuses whoever said no at the provider, without what that says', async () => {
    const { back, cookie } = await walk();
    const state = /state=[^&]+/.exec(back)?.[0] ?? '';
    const path = `${SIGN_IN}/callback?error=access_denied&error_description=secret-of-provider&${state}`;
    expect(refusal(await open(path, cookie))).toEqual([401, 'SIGN_IN_NOT_PROVED']);
  });

  it('sends nobody to an address that the request names, and gives no code to one that is not on the list', async () => {
    const begun = await open(`${SIGN_IN}?redirect_uri=https://evil.test/&redirect_url=//evil.test`);
    const asked = new URL(begun.location);
    expect(asked.searchParams.get('redirect_uri')).toBe(BACK);
    await root('PATCH', `oauth/${rowId}`, { redirect_url: 'https://evil.test/callback' });
    const elsewhere = await open(SIGN_IN);
    const at = await fetch(elsewhere.location, { redirect: 'manual' });
    expect([at.status, at.headers.get('location')]).toEqual([400, null]);
    await root('PATCH', `oauth/${rowId}`, { redirect_url: BACK });
    const { back, cookie } = await walk();
    const visit = await open(`${back}&redirect_uri=https://evil.test/&next=//evil.test`, cookie);
    expect(visit.location).toBe('/');
  });

  it('uses PKCE, a state and a nonce that nobody guesses, and a cookie that scripts cannot read', async () => {
    const [first, second] = [await open(SIGN_IN), await open(SIGN_IN)];
    const asked = new URL(first.location).searchParams;
    expect(asked.get('code_challenge_method')).toBe('S256');
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(asked.get(name)).toMatch(/^[\w-]{43}$/);
      expect(asked.get(name)).not.toBe(new URL(second.location).searchParams.get(name));
    }
    const cookie = first.cookies.find((one) => one.startsWith('pondhawk_sign_in='))!;
    expect(cookie).toMatch(/; Path=\/api\/v1\/users\/signin\/corp; .*HttpOnly; SameSite=Lax/);
    expect(decodeURIComponent(cookie)).not.toContain(asked.get('state'));
  });

  it('says that the provider is down, and works again once it is up', async () => {
    const { back, cookie } = await walk();
    provider.isDown = true;
    expect(refusal(await open(back, cookie))).toEqual([503, 'SIGN_IN_PROVIDER_DOWN']);
    provider.isDown = false;
    expect((await finish()).status).toBe(302);
    await root('POST', 'oauth', {
      ...{ name: 'away', client_id: 'c', client_secret: 's', redirect_url: BACK },
      issuer: 'http://127.0.0.1:1',
    });
    const away = await open('/api/v1/users/signin/away');
    expect(refusal(away)).toEqual([503, 'SIGN_IN_PROVIDER_DOWN']);
  });

  it('refuses a user who is disabled, and ends his session', async () => {
    const session = sessionOf(await finish());
    const { id } = JSON.parse(Buffer.from(session.split('.')[1]!, 'base64url').toString()) as {
      id: number;
    };
    await root('PATCH', `users/${id}`, { state: 'disable' });
    const headers = { authorization: `Bearer ${session}` };
    const own = await manager.get().request('GET', `/api/v1/users/${id}`, { headers });
    expect(own.status).toBe(401);
    expect(refusal(await finish())).toEqual([401, 'SIGN_IN_NOT_ALLOWED']);
  });

  it.each([
    ['github', {}, 'issuer'],
    ['plain', { issuer: 'http://sso.corp.test' }, 'issuer'],
    ['password', { issuer: 'https://u:p@sso.corp.test/?a=b' }, 'issuer'],
    ['metadata', { issuer: 'http://169.254.169.254' }, 'issuer'],
    ['nowhere', { issuer: 'https://sso.corp.test', redirect_url: '' }, 'redirect_url'],
  ])('says of %s what of its row cannot be used', async (name, facts, field) => {
    const row = { name, client_id: 'c', client_secret: 's', redirect_url: BACK, ...facts };
    await root('POST', 'oauth', row);
    const visit = await open(`/api/v1/users/signin/${name}`);
    expect(refusal(visit)).toEqual([409, 'SIGN_IN_PROVIDER_UNUSABLE']);
    expect((JSON.parse(visit.text) as { details: object }).details).toEqual({ field });
  });

  it.each([
    ['calls itself otherwise', { issuer: 'https://other.test' }, 'issuer'],
    ['takes codes in clear', { token_endpoint: 'http://sso.corp.test/token' }, 'token_endpoint'],
    ['has keys in clear', { jwks_uri: 'http://169.254.169.254/' }, 'jwks_uri'],
  ])('refuses a provider that %s', async (_what, discovery, field) => {
    const another = await OidcTestProvider.start({ ...CLIENT, redirectUris: [BACK] });
    another.discovery = discovery;
    const name = `of-${field.replace('_', '-')}`;
    await root('POST', 'oauth', {
      ...{ name, client_id: 'c', client_secret: 's', redirect_url: BACK },
      issuer: another.issuer,
    });
    const visit = await open(`/api/v1/users/signin/${name}`);
    await another.stop();
    expect([visit.status, (JSON.parse(visit.text) as { details: object }).details]).toEqual([
      409,
      { field },
    ]);
  });

  it('lets no role but root say who vouches for users', async () => {
    const permissions = [{ object: 'oauth', action: '*' }];
    await root('POST', 'roles', { role: 'settings', permissions });
    const session = sessionOf(await finish());
    const { id } = JSON.parse(Buffer.from(session.split('.')[1]!, 'base64url').toString()) as {
      id: number;
    };
    await root('PUT', `users/${id}/roles/settings`);
    const headers = { authorization: `Bearer ${session}` };
    const body = { name: 'own', client_id: 'c', client_secret: 's', issuer: 'https://own.test' };
    const made = await manager.get().request('POST', '/api/v1/oauth', { headers, body });
    const changed = await manager.get().request('PATCH', `/api/v1/oauth/${rowId}`, {
      ...{ headers, body: { issuer: 'https://own.test' } },
    });
    expect([made.status, changed.status]).toEqual([401, 401]);
    const listed = await manager.get().request('GET', '/api/v1/oauth', { headers });
    expect(listed.status).toBe(200);
  });

  it('knows nobody else’s provider', async () => {
    expect(refusal(await open('/api/v1/users/signin/zap'))).toEqual([
      ...[404, 'SIGN_IN_PROVIDER_NOT_FOUND'],
    ]);
  });

  it('is not asked more than 60 times a minute from one address', async () => {
    let status = 404;
    for (let times = 0; times < 61 && status === 404; times += 1) {
      ({ status } = await open('/api/v1/users/signin/zap'));
    }
    expect(status).toBe(429);
  });
});

describe('Signing in by a provider, where new users are not wanted', () => {
  const manager = useTestManager({ signUpByProvider: false });

  it('lets nobody in whom it does not know', async () => {
    const provider = await OidcTestProvider.start({ ...CLIENT, redirectUris: [BACK] });
    await manager.get().request('POST', '/api/v1/oauth', {
      body: {
        ...{ name: 'corp', client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret },
        ...{ issuer: provider.issuer, redirect_url: BACK },
      },
    });
    const base = `http://${manager.get().running.addresses.rest}`;
    const begun = await fetch(`${base}${SIGN_IN}`, { redirect: 'manual' });
    const at = await fetch(begun.headers.get('location') ?? '', { redirect: 'manual' });
    const { pathname, search } = new URL(at.headers.get('location') ?? '');
    const cookie = begun.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const end = await fetch(`${base}${pathname}${search}`, { headers: { cookie } });
    expect([end.status, await end.json()]).toMatchObject([401, { code: 'SIGN_IN_NOT_ALLOWED' }]);
    await provider.stop();
  });
});

interface Visit {
  readonly status: number;
  readonly text: string;
  readonly location: string;
  readonly cookies: readonly string[];
}

function cookieOf({ cookies }: Visit): string {
  return (
    cookies.find((one) => one.startsWith('pondhawk_sign_in=') && !one.includes('=;')) ?? ''
  ).split(';')[0]!;
}
