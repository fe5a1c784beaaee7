import { useTestManager, type Answer } from './manager-harness.js';

const CONFIG = { name: 'c', value: 'v', user_id: 1 };
const APPLICATION = { name: 'a', url: 'https://e.example/', priority: { value: 3 }, user_id: 1 };
const PROVIDER = { name: 'p', client_id: 'id', client_secret: 's3cr3t-of-p' };
const HOUR_NS = 3_600_000_000_000;
const ttls = (audit: unknown, job: unknown) =>
  JSON.stringify({ audit: { ttl: audit }, job: { ttl: job } });

describe('configs, applications and providers of sign-in over REST', () => {
  const manager = useTestManager();
  const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
    manager.get().request(method, `/api/v1/${path}`, body === undefined ? {} : { body });
  const refused = async (method: string, path: string, body: unknown) => {
    const { status, json } = await call(method, path, body);
    expect(json.message).toBe(json.errors);
    return [status, json.details.field ?? json.code] as const;
  };

  it.each([
    ['configs', CONFIG, { value: 'w' }, 'value', 'w'],
    ['applications', APPLICATION, { url: 'http://f.example/' }, 'url', 'http://f.example/'],
    ['oauth', PROVIDER, { client_id: 'other' }, 'client_id', 'other'],
  ])('%s are made, listed, changed and removed', async (path, body, change, field, changed) => {
    const made = await call('POST', path, { ...body, zap: 1 });
    expect([made.status, made.headers.get('warning')]).toEqual([
      ...[200, expect.stringContaining('zap') as string],
    ]);
    const { client_secret: secret, ...shown } = body as Record<string, unknown>;
    expect(made.json).toMatchObject({ ...shown, bio: '', is_del: 0 });
    expect(made.text).not.toContain(secret ?? 'client_secret');
    const one = `${path}/${made.json.id as number}`;
    expect((await call('GET', one)).json).toEqual(made.json);
    expect((await call('GET', `${path}?name=${body.name}`)).json).toEqual([made.json]);
    expect(await refused('POST', path, body)).toEqual([409, 'name']);
    const { status, json } = await call('PATCH', one, { ...change, bio: 'b' });
    expect([status, json[field], json.bio, json.name]).toEqual([200, changed, 'b', body.name]);
    expect(await call('DELETE', one)).toMatchObject({ status: 200, text: '' });
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const body = method === 'PATCH' ? {} : undefined;
      expect((await call(method, one, body)).json.code).toBe('RECORD_NOT_FOUND');
    }
  });

  it.each([
    ['configs', CONFIG, 'name', ['', 'n'.repeat(256), 7, null]],
    ['configs', CONFIG, 'value', ['v'.repeat(1_025), {}, null]],
    ['configs', CONFIG, 'user_id', [-1, '1', 1.5]],
    ['applications', APPLICATION, 'url', ['ftp://e/', 'e', 7, null]],
    ['applications', APPLICATION, 'priority', [3, 'x', null]],
    ['oauth', PROVIDER, 'name', ['Git Hub', '-', 'a'.repeat(41)]],
    ['oauth', PROVIDER, 'client_id', ['', 7, null]],
    ['oauth', PROVIDER, 'client_secret', ['', 's'.repeat(1_001), null]],
    ['oauth', PROVIDER, 'redirect_url', ['javascript:alert(1)', 7]],
  ])('%s name %s %s when it breaks its rule', async (path, good, field, bad) => {
    for (const value of bad) {
      expect(await refused('POST', path, { ...good, [field]: value })).toEqual([422, field]);
    }
  });

  it.each([
    ['priority.value', { value: 21 }],
    ['priority.value', {}],
    ['priority.urls', { value: 0, urls: {} }],
    ['priority.urls', { value: 0, urls: new Array(101).fill({ regex: '', value: 0 }) }],
    ['priority.urls[0]', { value: 0, urls: [7] }],
    ['priority.urls[0].regex', { value: 0, urls: [{ regex: '+', value: 0 }] }],
    ['priority.urls[1].value', { value: 0, urls: [{ regex: 'a', value: 0 }, { regex: 'b' }] }],
  ])('an application names %s', async (field, priority) => {
    expect(await refused('POST', 'applications', { ...APPLICATION, priority })).toEqual([
      ...[422, field],
    ]);
  });

  it('take as much as their bounds allow', async () => {
    const priority = { value: 20, urls: new Array(100).fill({ regex: '^a', value: 0 }) };
    const application = { ...APPLICATION, name: 'n'.repeat(255), priority };
    expect((await call('POST', 'applications', application)).json.priority).toEqual(priority);
    const config = { ...CONFIG, name: 'long', value: 'v'.repeat(1_024) };
    expect((await call('POST', 'configs', config)).status).toBe(200);
  });

  it('belong to whom the body names, who must exist, else to their maker', async () => {
    const config = { name: 'whose', value: 'v' };
    expect((await call('POST', 'configs', { ...config, user_id: 999 })).json.code).toBe(
      'USER_NOT_FOUND',
    );
    const { json } = await call('POST', 'configs', config);
    expect(json.user_id).toBe(1);
    expect((await call('PATCH', `configs/${json.id as number}`, { user_id: 999 })).status).toBe(
      404,
    );
  });

  it('never show a secret, nor keep it in clear', async () => {
    const { json } = await call('POST', 'oauth', { ...PROVIDER, name: 'sealed' });
    const path = `oauth/${json.id as number}`;
    await call('PATCH', path, { client_secret: 's3cr3t-of-p2' });
    const texts = [
      await call('GET', path),
      await call('GET', 'oauth'),
      await call('GET', 'audits'),
    ];
    for (const { text } of texts) expect(text).not.toContain('s3cr3t');
    const { dataDir } = manager.get();
    const { readdir, readFile } = await import('node:fs/promises');
    for (const name of await readdir(dataDir)) {
      if (!name.startsWith('manager.db')) continue;
      expect((await readFile(`${dataDir}/${name}`)).includes('s3cr3t')).toBe(false);
    }
  });

  it('have the config of clean-up first, which says what holds and cannot go', async () => {
    const [gc] = (await call('GET', 'configs?page=1&per_page=10000000')).json;
    const days = 24 * HOUR_NS;
    expect([gc.name, JSON.parse(gc.value as string)]).toEqual([
      ...['gc', { audit: { ttl: 90 * days }, job: { ttl: 7 * days } }],
    ]);
    const path = `configs/${gc.id as number}`;
    const value = ttls(3_650 * days, HOUR_NS);
    expect((await call('PATCH', path, { value })).json.value).toBe(value);
    for (const [bad, field] of [
      ...([
        ['{', 'value'],
        ['[]', 'value'],
        ['{}', 'value.job.ttl'],
      ] as const),
      ...([
        [ttls(HOUR_NS, 30), 'value.job.ttl'],
        [ttls('1h', HOUR_NS), 'value.audit.ttl'],
      ] as const),
      ...([[ttls(3_651 * days, HOUR_NS), 'value.audit.ttl']] as const),
    ]) {
      expect(await refused('PATCH', path, { value: bad })).toEqual([422, field]);
    }
    expect((await call('DELETE', path)).json.code).toBe('CONFIG_BUILT_IN');
    expect(await refused('PATCH', path, { name: 'other' })).toEqual([409, 'name']);
    expect((await call('PATCH', path, { value: '' })).json.value).toBe(gc.value);
  });
});
