import { request, useTestManager } from './manager-harness.js';

describe('A token that asks too often', () => {
  const manager = useTestManager({ tokenRequestsPerSecond: 2 });

  it('is told when to come again, on either way in; sessions and other tokens are not held up', async () => {
    const makeToken = async (name: string): Promise<Record<string, string>> => {
      const body = { name, scopes: ['job'], expired_at: '2100-01-01T00:00:00Z' };
      const { json } = await manager
        .get()
        .request('POST', '/api/v1/personal-access-tokens', { body });
      return { authorization: `Bearer ${json.token as string}` };
    };
    const [busy, calm] = [await makeToken('busy'), await makeToken('calm')];
    const { rest } = manager.get().running.addresses;
    const ask = (headers: Record<string, string>, path = '/oapi/v1/jobs') =>
      request(`http://${rest}${path}`, 'GET', { headers });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        ask(busy, index % 2 === 0 ? '/oapi/v1/jobs' : '/api/v1/jobs'),
      ),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(answers.every(({ status }) => status === 200 || status === 429)).toBe(true);
    expect(refused[0]?.json.code).toBe('TOKEN_RATE_LIMITED');
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await ask(calm)).status).toBe(200);
    expect((await manager.get().request('GET', '/api/v1/jobs')).status).toBe(200);
  });
});
