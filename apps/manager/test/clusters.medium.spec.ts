import { startTestManager, useTestManager, type Answer } from './manager-harness.js';
import { makeTempDir } from '@pondhawk/testing';

const CONFIGS = {
  scheduler_cluster_config: {
    ...{ candidate_parent_limit: 4, filter_parent_limit: 15, job_rate_limit: 10 },
  },
  seed_peer_cluster_config: { load_limit: 2000 },
  peer_cluster_config: { load_limit: 200 },
};
const PARTS = { config: {}, client_config: {}, seed_client_config: {} };

/** Field, and the values at its edges and one beyond each. */
const BOUNDS = [
  ['scheduler_cluster_config', 'candidate_parent_limit', 1, 20],
  ['scheduler_cluster_config', 'filter_parent_limit', 10, 1_000],
  ['scheduler_cluster_config', 'job_rate_limit', 1, 1_000_000],
  ['peer_cluster_config', 'load_limit', 1, 2_000],
  ['seed_peer_cluster_config', 'load_limit', 1, 50_000],
] as const;

describe('clusters over REST', () => {
  const manager = useTestManager();
  const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
    manager.get().request(method, `/api/v1/${path}`, body === undefined ? {} : { body });
  const patch = (body: unknown) => call('PATCH', 'clusters/1', body);

  it('creates, shows, changes and removes one, with 200 each time', async () => {
    const scopes = { idc: 'a|b', location: 'x', cidrs: ['10.0.0.0/8'], hostnames: ['^h.*'] };
    const created = await call('POST', 'clusters', { name: 'c-rest', ...CONFIGS, scopes });
    expect(created).toMatchObject({
      status: 200,
      json: { name: 'c-rest', bio: '', is_default: false, is_del: 0, scopes, ...CONFIGS },
    });
    const { id, scheduler_cluster_id, seed_peer_cluster_id } = created.json;
    expect(scheduler_cluster_id).toBe(id);
    const seeds = await call('GET', `seed-peer-clusters/${seed_peer_cluster_id as number}`);
    expect(seeds.json).toMatchObject({
      ...{ name: 'c-rest', config: { load_limit: 2000 } },
      scheduler_clusters: [{ id, seed_peer_clusters: [] }],
    });
    const changed = await call('PATCH', `clusters/${id as number}`, { bio: 'ours' });
    expect(changed).toMatchObject({ status: 200, json: { bio: 'ours', scopes, ...CONFIGS } });
    expect(await call('DELETE', `clusters/${id as number}`)).toMatchObject({
      ...{ status: 200, text: '' },
    });
    expect((await call('GET', `clusters/${id as number}`)).status).toBe(404);
    expect((await call('GET', 'seed-peer-clusters?name=c-rest')).json).toEqual([]);
  });

  it('fills in what is not said, and scopes.idc is always a text', async () => {
    const { json } = await call('POST', 'scheduler-clusters', { name: 'c-bare', ...PARTS });
    expect(json).toMatchObject({
      config: CONFIGS.scheduler_cluster_config,
      client_config: { load_limit: 200 },
      seed_client_config: { load_limit: 2000 },
      scopes: { idc: '', location: '', cidrs: [], hostnames: [] },
      seed_peer_clusters: [],
    });
    const seeds = await call('POST', 'seed-peer-clusters', {
      ...{ name: 'c-seeds', config: { load_limit: 77 } },
    });
    const path = `seed-peer-clusters/${seeds.json.id as number}/scheduler-clusters`;
    expect((await call('PUT', `${path}/${json.id as number}`)).status).toBe(200);
    const linked = await call('GET', `scheduler-clusters/${json.id as number}`);
    expect(linked.json).toMatchObject({
      ...{ seed_client_config: { load_limit: 77 }, seed_peer_clusters: [{ name: 'c-seeds' }] },
    });
    expect((await call('DELETE', `seed-peer-clusters/${seeds.json.id as number}`)).status).toBe(
      409,
    );
  });

  it.each(BOUNDS)('takes %s.%s from %i to %i and nothing beyond', async (part, field, min, max) => {
    for (const value of [min, max]) {
      const { status, json } = await patch({ [part]: { [field]: value } });
      expect([status, json[part][field]]).toEqual([200, value]);
    }
    for (const value of [min - 1, max + 1, min + 0.5, `${min}`, true, []]) {
      const { status, json } = await patch({ [part]: { [field]: value } });
      expect([status, json.details]).toEqual([422, { field: `${part}.${field}` }]);
      expect(json.message).toBe(json.errors);
    }
  });

  it.each([
    ['name', { name: 'n'.repeat(255) }, { name: 'n'.repeat(256) }],
    ['name', { name: 'n' }, { name: '' }],
    ['bio', { bio: 'b'.repeat(4_096) }, { bio: 'b'.repeat(4_097) }],
    ['is_default', { is_default: true }, { is_default: 1 }],
    ['scopes.idc', { scopes: { idc: 'i'.repeat(4_096) } }, { scopes: { idc: 'i'.repeat(4_097) } }],
    [
      'scopes.cidrs',
      { scopes: { cidrs: new Array(1_000).fill('') } },
      { scopes: { cidrs: new Array(1_001).fill('') } },
    ],
    [
      'scopes.hostnames[1]',
      { scopes: { hostnames: ['', 'h+'] } },
      { scopes: { hostnames: ['', '+'] } },
    ],
    [
      'peer_cluster_config.block_list.task.download.tags[0]',
      {
        peer_cluster_config: { block_list: { task: { download: { tags: ['t'.repeat(1_024)] } } } },
      },
      {
        peer_cluster_config: { block_list: { task: { download: { tags: ['t'.repeat(1_025)] } } } },
      },
    ],
  ])('takes %s up to its bound', async (field, good, bad) => {
    expect((await patch(good)).status).toBe(200);
    const { status, json } = await patch(bad);
    expect([status, json.details.field]).toEqual([422, field]);
  });

  it.each(['scheduler_cluster_config', 'seed_peer_cluster_config', 'peer_cluster_config'])(
    'refuses a new one without %s',
    async (field) => {
      const answer = await call('POST', 'clusters', { name: 'c-no', ...CONFIGS, [field]: null });
      expect([answer.status, answer.json.details]).toEqual([422, { field }]);
    },
  );

  it('keeps a block list as it was given, and drops one that is not given again', async () => {
    const block_list = {
      task: {
        download: { urls: ['^http://x/'], applications: ['a'], tags: ['t'], priorities: ['1'] },
      },
    };
    const settings = { load_limit: 200, block_list };
    expect((await patch({ peer_cluster_config: settings })).json.peer_cluster_config).toEqual(
      settings,
    );
    const without = await patch({ peer_cluster_config: {} });
    expect(without.json.peer_cluster_config).toEqual({ load_limit: 200 });
  });

  it('keeps whether foreign parents are allowed, once that is said', async () => {
    const allow = (value: unknown) =>
      patch({ scheduler_cluster_config: { allow_foreign_parents: value } });
    const configOf = ({ json }: Answer): unknown => json.scheduler_cluster_config;
    expect(configOf(await patch({ scheduler_cluster_config: {} }))).not.toHaveProperty(
      'allow_foreign_parents',
    );
    expect(configOf(await allow(true))).toMatchObject({ allow_foreign_parents: true });
    const limited = await patch({ scheduler_cluster_config: { filter_parent_limit: 20 } });
    expect(configOf(limited)).toMatchObject({ allow_foreign_parents: true });
    const { status, json } = await allow('yes');
    expect([status, json.details.field]).toEqual([
      422,
      'scheduler_cluster_config.allow_foreign_parents',
    ]);
    expect(configOf(await allow(false))).toMatchObject({ allow_foreign_parents: false });
  });

  it('names stripped fields at any depth, and stores none of them', async () => {
    const { headers, json } = await patch({ zap: 1, scheduler_cluster_config: { zip: 2 } });
    expect(headers.get('warning')).toContain('zap, scheduler_cluster_config.zip');
    expect(JSON.stringify(json)).not.toMatch(/zap|zip/);
  });

  it('answers 409 to a name that is taken, and to the removal of one in use', async () => {
    const body = { name: 'c-twice', ...CONFIGS };
    expect((await call('POST', 'clusters', body)).status).toBe(200);
    expect(await call('POST', 'clusters', body)).toMatchObject({
      ...{ status: 409, json: { code: 'CLUSTER_EXISTS', details: { field: 'name' } } },
    });
    await manager.get().fleet.registerScheduler('s-in-use');
    expect(await call('DELETE', 'clusters/1')).toMatchObject({
      ...{ status: 409, json: { code: 'CLUSTER_IN_USE', details: { what: 'schedulers' } } },
    });
  });

  it('lists whole pages of ten million, with a Link', async () => {
    for (const path of ['clusters', 'scheduler-clusters', 'seed-peer-clusters', 'seed-peers']) {
      const all = await call('GET', `${path}?page=1&per_page=10000000`);
      expect([all.status, Array.isArray(all.json)]).toEqual([200, true]);
      expect(all.headers.get('link')).toMatch(/rel=last$/);
      expect((await call('GET', `${path}?per_page=10000001`)).status).toBe(422);
    }
  });

  it('lists seed peers by what they are, and one by its id', async () => {
    await manager.get().fleet.registerSeedPeer({ hostname: 'seed-a' });
    const { json } = await call('GET', 'seed-peers?host_name=seed-a&type=super');
    expect(json).toMatchObject([
      { host_name: 'seed-a', state: 'inactive', seed_peer_cluster: { id: 1 }, is_del: 0 },
    ]);
    expect((await call('GET', 'seed-peers?host_name=seed-b')).json).toEqual([]);
    expect((await call('GET', `seed-peers/${json[0].id as number}`)).json).toEqual(json[0]);
    expect(await call('GET', 'seed-peers/999')).toMatchObject({
      ...{ status: 404, json: { code: 'SEED_PEER_NOT_FOUND' } },
    });
  });

  it('knows the features of schedulers, and no persistent cache task', async () => {
    expect((await call('GET', 'scheduler-features')).json).toEqual(['schedule', 'preheat']);
    const tasks = await call('GET', 'persistent-cache-tasks?scheduler_cluster_id=1');
    expect([tasks.status, tasks.json]).toEqual([200, []]);
    expect((await call('GET', 'persistent-cache-tasks')).json.details).toEqual({
      ...{ field: 'scheduler_cluster_id' },
    });
  });
});

describe('clusters that were made', () => {
  it('are there after a restart, with a purge log that still holds', async () => {
    const dir = await makeTempDir();
    let manager = await startTestManager({ dataDir: dir.path });
    const body = { name: 'c-kept', ...CONFIGS };
    const { json } = await manager.request('POST', '/api/v1/clusters', { body });
    await manager.stop();
    manager = await startTestManager({ dataDir: dir.path });
    const again = await manager.request('GET', `/api/v1/clusters/${json.id as number}`);
    expect(again.json).toEqual(json);
    expect((await manager.request('GET', '/readyz')).text).not.toContain('witness');
    await manager.stop();
    await dir.remove();
  });
});
