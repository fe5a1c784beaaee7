/** Every call that Dragonfly's console makes, as it makes it, and every field that it reads of the answer. */

import { ConsoleClient, shapeFault, type ConsoleAnswer, type Shape } from './console-client.js';
import { Stage } from './stage.js';

const ALL = 'page=1&per_page=10000000';
const MIB = 1_048_576;

const CLUSTER = {
  ...{ id: 'number', name: 'text', bio: 'text', is_default: 'flag', created_at: 'time' },
  scheduler_cluster_id: 'number',
} as const;
const WHOLE_CLUSTER: Shape = {
  ...CLUSTER,
  seed_peer_cluster_id: 'number',
  scopes: { idc: 'text', location: 'text', cidrs: ['text'], hostnames: ['text'] },
  scheduler_cluster_config: {
    ...{ candidate_parent_limit: 'number', filter_parent_limit: 'number' },
    job_rate_limit: 'number',
  },
  seed_peer_cluster_config: { load_limit: 'number' },
  peer_cluster_config: { load_limit: 'number' },
};
const SCHEDULER: Shape = {
  ...{ id: 'number', host_name: 'text', ip: 'text', port: 'number', state: 'text' },
  ...{ features: ['text'], scheduler_cluster_id: 'number' },
  ...{ created_at: 'time', updated_at: 'time' },
};
const PEER: Shape = {
  ...{ id: 'number', host_name: 'text', type: 'text', idc: 'text', location: 'text', ip: 'text' },
  ...{ port: 'number', download_port: 'number', object_storage_port: 'number', state: 'text' },
  ...{ os: 'text', platform: 'text', platform_family: 'text', platform_version: 'text' },
  ...{ kernel_version: 'text', git_version: 'text', git_commit: 'text', build_platform: 'text' },
  ...{ created_at: 'time', updated_at: 'time', scheduler_cluster_id: 'number' },
  scheduler_cluster: { id: 'number', name: 'text' },
};
const USER: Shape = {
  ...{ id: 'number', name: 'text', email: 'text', location: 'text', state: 'text' },
  ...{ avatar: 'text', phone: 'text', bio: 'text', created_at: 'time', updated_at: 'time' },
};
const TOKEN: Shape = {
  ...{ id: 'number', name: 'text', bio: 'text', scopes: ['text'], state: 'text' },
  ...{ expired_at: 'time', created_at: 'time', user: { name: 'text' } },
};
const LISTED_JOB = {
  ...{ id: 'number', bio: 'text', type: 'text', state: 'text', created_at: 'time' },
  args: 'object',
  scheduler_clusters: [{ id: 'number' }],
  result: {
    ...{ state: 'text', group_uuid: 'text', created_at: 'time', updated_at: 'time' },
    job_states: ['object'],
  },
} as const;
const HOST = { hostname: 'text', ip: 'text', host_type: 'text' } as const;
const AUDIT: Shape = {
  ...{ id: 'number', actor_type: 'text', actor_name: 'text', operation: 'text' },
  ...{ operated_at: 'time', state: 'text', path: 'text', status_code: 'number' },
};

describe('what is read of an answer', () => {
  it.each([
    [{ a: [{ b: 't' }, null] }, { a: [{ b: 'text' }] }, 'body.a[1] is no object'],
    [{ a: null }, { a: ['text'] }, 'body.a is no list'],
    [{ a: null }, { a: 'text' }, 'body.a is no text'],
    [{ a: null }, { a: 'text?' }, undefined],
    [{}, { a: 'text?' }, 'body.a is missing'],
    [{ a: '1' }, { a: 'number' }, 'body.a is no number'],
    [{ a: 'soon' }, { a: 'time' }, 'body.a is no time'],
    [null, [{}], 'body is no list'],
  ] as const)('is looked at: %j as %j', (value, shape, fault) => {
    expect(shapeFault(value, shape)).toBe(fault);
  });
});

describe("Dragonfly's console", () => {
  let stage: Stage;
  let browser: ConsoleClient;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 1, seeds: 1, peers: 1 });
    browser = new ConsoleClient(stage.record.manager.url);
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  /** A success is 200 exactly, whatever the method; what it reads is there. */
  const ask = async (
    [method, path, body]: readonly [string, string, object?],
    shape: Shape | undefined,
  ): Promise<ConsoleAnswer['json']> => {
    const { status, text, json } = await browser.call(method, path, body);
    expect([path, status, status === 200 ? '' : text]).toEqual([path, 200, '']);
    if (shape !== undefined) {
      expect(`${path}: ${shapeFault(json, shape) ?? 'as read'}`).toBe(`${path}: as read`);
    }
    return json;
  };
  const finished = async (id: number): Promise<ConsoleAnswer['json']> => {
    // It asks once at once, and then only each minute.
    const job = await ask(['GET', `jobs/${id}`], LISTED_JOB);
    expect(['SUCCESS', 'FAILURE']).toContain(job.result.state);
    expect(job.state).toBe(job.result.state);
    return job;
  };

  const resultsOf = (job: ConsoleAnswer['json']): ConsoleAnswer['json'][] => {
    const results: ConsoleAnswer['json'][] = [];
    for (const state of job.result.job_states) results.push(...(state.results as unknown[]));
    return results;
  };

  it('signs in: a cookie that scripts can read, with a numeric id and an end, and no secret in an error', async () => {
    for (const path of ['clusters', 'schedulers', 'seed-peers']) {
      const refused = await browser.call('GET', `${path}?${ALL}`);
      expect([refused.status, typeof refused.json.message]).toEqual([401, 'string']);
    }
    const wrong = await browser.call('POST', 'users/signin', {
      name: 'root',
      password: 'wrong-1x',
    });
    expect([wrong.status, typeof wrong.json.message, browser.cookie]).toEqual([
      ...[401, 'string', undefined],
    ]);
    const password = stage.record.manager.rootPassword;
    const good = await browser.call('POST', 'users/signin', { name: 'root', password });
    expect([good.status, shapeFault(good.json, { token: 'text', expire: 'time' })]).toEqual([
      ...[200, undefined],
    ]);
    const set = good.headers.getSetCookie().join();
    expect(set).toMatch(/Path=\//i);
    expect(set).not.toMatch(/HttpOnly/i);
    expect(set).toMatch(/Max-Age=\d+|Expires=/i);
    expect(browser.payload()).toMatchObject({
      ...{ id: expect.any(Number) as number, exp: expect.any(Number) as number },
    });
  });

  it('draws its counters and cards, of rows without a null among them', async () => {
    expect(await ask(['GET', `clusters?${ALL}`], [CLUSTER])).toHaveLength(1);
    expect(await ask(['GET', `schedulers?${ALL}`], [SCHEDULER])).toMatchObject([
      { state: 'active' },
    ]);
    expect(await ask(['GET', `seed-peers?${ALL}`], [{ state: 'text' }])).toHaveLength(1);
    expect(await ask(['GET', `peers?${ALL}&scheduler_cluster_id=1`], [PEER])).toHaveLength(2);
    await ask(['GET', 'clusters/1'], WHOLE_CLUSTER);
  });

  it('has the list of hosts made sure of, which is over when it is answered', async () => {
    const body = { type: 'sync_peers', scheduler_cluster_ids: [1] };
    expect((await ask(['POST', 'jobs', body], LISTED_JOB)).state).toBe('SUCCESS');
    expect(await ask(['GET', `peers?${ALL}&scheduler_cluster_id=1`], [PEER])).toHaveLength(2);
  });

  it('makes, edits and deletes a cluster, and shows one with nothing in it', async () => {
    const settings = {
      ...{
        bio: '',
        is_default: false,
        scopes: { idc: '', location: '', cidrs: [], hostnames: [] },
      },
      scheduler_cluster_config: {
        ...{ candidate_parent_limit: 4, filter_parent_limit: 15, job_rate_limit: 10 },
      },
      seed_peer_cluster_config: { load_limit: 2_000 },
      peer_cluster_config: { load_limit: 200, block_list: { task: { download: { tags: ['t'] } } } },
    };
    const { id } = await ask(['POST', 'clusters', { name: 'empty', ...settings }], WHOLE_CLUSTER);
    for (const path of ['schedulers', 'peers']) {
      expect(await ask(['GET', `${path}?${ALL}&scheduler_cluster_id=${id}`], ['object'])).toEqual(
        [],
      );
    }
    await ask(['PATCH', `clusters/${id}`, { ...settings, bio: 'edited' }], WHOLE_CLUSTER);
    await ask(['GET', `clusters/${id}`], WHOLE_CLUSTER);
    await ask(['DELETE', `clusters/${id}`], undefined);
    const gone = await browser.call('GET', `clusters/${id}`);
    expect([gone.status, typeof gone.json.message]).toEqual([404, 'string']);
  });

  it('edits the features of a scheduler', async () => {
    const features = await ask(['GET', 'scheduler-features'], ['text']);
    expect(features).toEqual(['schedule', 'preheat']);
    const [{ id }] = await ask(['GET', `schedulers?${ALL}&scheduler_cluster_id=1`], [SCHEDULER]);
    await ask(['PATCH', `schedulers/${id}`, { features }], SCHEDULER);
    expect((await ask(['GET', `schedulers/${id}`], SCHEDULER)).features).toEqual(features);
    const refused = await browser.call('DELETE', `schedulers/${id}`);
    expect([refused.status, typeof refused.json.message]).toEqual([409, 'string']);
    const spare = { host_name: 'spare', ip: '10.0.0.9', port: 8002, scheduler_cluster_id: 1 };
    const made = await ask(['POST', 'schedulers', spare], SCHEDULER);
    await ask(['DELETE', `schedulers/${made.id}`], undefined);
  });

  it('finds a task by its URL, its id and its content, and clears it from one cluster', async () => {
    const content = stage.serve(MIB);
    await stage.get('peer-1', content.url);
    const args = { url: content.url, tag: '', application: '', filtered_query_params: '' };
    const { id } = await ask(['POST', 'jobs', { args, type: 'get_task' }], { id: 'number' });
    const search = await finished(id as number);
    expect(search.args).toMatchObject({ url: content.url });
    const cards = resultsOf(search);
    const fault = shapeFault(cards, [
      {
        peers: [{ ...HOST, id: 'text', created_at: 'time' }],
        scheduler_cluster_id: 'number',
      },
    ]);
    expect([cards.length, fault]).toEqual([1, undefined]);
    const order = {
      args,
      scheduler_cluster_ids: [cards[0].scheduler_cluster_id],
      type: 'delete_task',
    };
    const { id: deleteId } = await ask(['POST', 'jobs', order], { id: 'number' });
    const execution = await finished(deleteId as number);
    expect(execution.result.state).toBe('SUCCESS');
    expect(
      shapeFault(execution.result.job_states, [
        {
          error: 'text',
          results: [
            {
              success_tasks: [HOST],
              failure_tasks: [{ ...HOST, description: 'text' }],
              scheduler_cluster_id: 'number',
            },
          ],
        },
      ]),
    ).toBeUndefined();
    for (const name of [
      { task_id: 'c'.repeat(64) },
      { content_for_calculating_task_id: 'nobody has this' },
    ]) {
      const nobody = await ask(['POST', 'jobs', { args: name, type: 'get_task' }], {
        id: 'number',
      });
      const results = resultsOf(await finished(nobody.id as number));
      // A list would draw an empty card; a missing key a white page.
      expect(results).toEqual([{ peers: null, scheduler_cluster_id: 1 }]);
    }
  }, 60_000);

  it('pages executions and preheats at the server, by a Link header below 2,000 characters', async () => {
    for (const query of ['type=delete_task', 'state=SUCCESS&type=delete_task', 'type=preheat']) {
      const { status, headers, json } = await browser.call(
        'GET',
        `jobs?page=1&per_page=10&${query}`,
      );
      expect([status, shapeFault(json, [LISTED_JOB])]).toEqual([200, undefined]);
      const link = headers.get('link') ?? '';
      expect(link).toMatch(/<[^>]*[?&]page=\d+[^>]*>;rel=last/);
      expect(link.length).toBeLessThan(2_000);
    }
  });

  it('has old jobs and audits removed, is told how many at once, and lists the clean-ups', async () => {
    const GC = {
      ...{ id: 'number', task_id: 'text', state: 'text', created_at: 'text', user: 'object' },
      ...{ args: { type: 'text', ttl: 'number' }, result: { purged: 'number', state: 'text' } },
    };
    expect(await ask(['GET', `jobs?${ALL}&type=gc`], [GC])).toEqual([]);
    for (const type of ['audit', 'job']) {
      const body = { args: { type }, type: 'gc', user_id: browser.payload().id };
      const ended = await ask(['POST', 'jobs', body], GC);
      expect([ended.state, ended.args.type]).toEqual(['SUCCESS', type]);
    }
    expect(await ask(['GET', `jobs?${ALL}&type=gc`], [GC])).toHaveLength(2);
  });

  it('reads and sets how long audits and jobs are kept, from the first config', async () => {
    const [gc] = await ask(['GET', `configs?${ALL}`], [{ id: 'number', value: 'text' }]);
    const ttls = JSON.parse(gc.value as string) as unknown;
    const shape = { audit: { ttl: 'number' }, job: { ttl: 'number' } };
    expect(shapeFault(ttls, shape)).toBeUndefined();
    await ask(['PATCH', `configs/${gc.id}`, { value: JSON.stringify(ttls) }], { value: 'text' });
  });

  it('makes, edits and deletes a token, which is shown once', async () => {
    expect(await ask(['GET', `personal-access-tokens?${ALL}`], [TOKEN])).not.toEqual([]);
    const body = {
      ...{ name: 'console', bio: '', scopes: ['job', 'cluster'], user_id: browser.payload().id },
      expired_at: new Date(Date.now() + 7 * 86_400_000).toISOString(),
    };
    const made = await ask(['POST', 'personal-access-tokens', body], {
      id: 'number',
      token: 'text',
    });
    expect(made.token).not.toBe('');
    const path = `personal-access-tokens/${made.id}`;
    expect((await ask(['GET', path], TOKEN)).token).toBe('');
    const { bio, expired_at, scopes } = body;
    await ask(['PATCH', path, { bio, expired_at, scopes }], { token: 'text' });
    await ask(['DELETE', path], undefined);
  });

  it('lists users, makes one, changes its role and profile, and its password', async () => {
    const body = { name: 'visitor', password: 'visitor-1x', email: 'v@example.com' };
    const { id } = await ask(['POST', 'users/signup', body], 'object');
    expect(await ask(['GET', `users?${ALL}`], [USER])).toHaveLength(2);
    await ask(['GET', `users/${id}`], USER);
    expect(await ask(['GET', `users/${id}/roles`], ['text'])).toEqual(['guest']);
    await ask(['PUT', `users/${id}/roles/root`], undefined);
    await ask(['DELETE', `users/${id}/roles/guest`], undefined);
    expect(await ask(['GET', `users/${id}/roles`], ['text'])).toEqual(['root']);
    const profile = { bio: 'b', email: 'w@example.com', location: 'here', phone: '1' };
    await ask(['PATCH', `users/${id}`, profile], 'object');
    const passwords = { old_password: body.password, new_password: 'visitor-2x' };
    await ask(['POST', `users/${id}/reset_password`, passwords], undefined);
  });

  it('shows who did what, by every filter, page by page', async () => {
    for (const query of [
      ...['', '&state=SUCCESS', '&operation=DELETE', '&actor_name=root', '&actor_type=USER'],
      '&path=/api/v1/clusters',
    ]) {
      const { status, headers, json } = await browser.call(
        'GET',
        `audits?page=1&per_page=10${query}`,
      );
      expect([query, status, shapeFault(json, [AUDIT])]).toEqual([query, 200, undefined]);
      expect([query, json.length > 0]).toEqual([query, true]);
      expect(headers.get('link')).toMatch(/[?&]page=\d+[^>]*>;rel=last/);
    }
    const none = await browser.call('GET', 'audits?page=1&per_page=10&actor_name=nobody');
    expect([none.status, none.json]).toEqual([200, []]);
  });

  it('shows that there are no persistent cache tasks', async () => {
    const query = `${ALL}&scheduler_cluster_id=1`;
    expect(await ask(['GET', `persistent-cache-tasks?${query}`], ['object'])).toEqual([]);
    const none = await browser.call('GET', 'persistent-cache-tasks/x?scheduler_cluster_id=1');
    expect([none.status, typeof none.json.message]).toEqual([404, 'string']);
  });

  it('shows what is wrong by `message`, and signs out for good', async () => {
    const bad = await browser.call('POST', 'jobs', { type: 'get_task', args: {} });
    expect([bad.status, bad.json.message]).toEqual([422, bad.json.errors]);
    const kept = browser.cookie;
    await ask(['POST', 'users/signout', {}], undefined);
    expect(browser.cookie).toBeUndefined();
    browser.cookie = kept;
    expect((await browser.call('GET', `clusters?${ALL}`)).status).toBe(401);
  });
});
