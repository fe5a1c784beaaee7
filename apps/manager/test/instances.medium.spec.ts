import { useTestManager, type Answer } from './manager-harness.js';

const SCHEDULER = { host_name: 's-hand', ip: '10.1.0.1', port: 8002, scheduler_cluster_id: 1 };
const SEED_PEER = {
  ...{ host_name: 'seed-hand', type: 'super', ip: '10.1.0.2', port: 4000, download_port: 4000 },
  seed_peer_cluster_id: 1,
};
const PEER = {
  ...{ host_name: 'h-hand', ip: '10.1.0.3', port: 4000, download_port: 4001 },
  scheduler_cluster_id: 1,
};
const CONFIGS = {
  ...{ scheduler_cluster_config: {}, seed_peer_cluster_config: {}, peer_cluster_config: {} },
};

describe('schedulers, seed peers and hosts over REST', () => {
  const manager = useTestManager({ keepAliveIntervalMs: 600_000 });
  const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
    manager.get().request(method, `/api/v1/${path}`, body === undefined ? {} : { body });
  const refused = async (method: string, path: string, body: unknown) => {
    const { status, json } = await call(method, path, body);
    expect(json.message).toBe(json.errors);
    return [status, json.details.field ?? json.code] as const;
  };

  it('makes a scheduler, changes what an operator decides, and removes it', async () => {
    const config = { manager_keep_alive_interval: 5_000_000_000 };
    const made = await call('POST', 'schedulers', { ...SCHEDULER, config, idc: 'a' });
    expect(made).toMatchObject({
      status: 200,
      json: {
        ...{ ...SCHEDULER, config, idc: 'a', location: '', state: 'inactive', is_del: 0 },
        ...{ features: ['schedule', 'preheat'], scheduler_cluster: { id: 1 } },
      },
    });
    const path = `schedulers/${made.json.id as number}`;
    const changed = await call('PATCH', path, { features: ['schedule'], host_name: 'other' });
    expect(changed.json).toMatchObject({ features: ['schedule'], host_name: 's-hand', idc: 'a' });
    expect(changed.headers.get('warning')).toContain('host_name');
    expect((await call('PATCH', path, { features: [] })).json.features).toEqual([]);
    expect(await call('DELETE', path)).toMatchObject({ status: 200, text: '' });
    expect((await call('GET', path)).status).toBe(404);
    expect((await call('DELETE', path)).json.code).toBe('SCHEDULER_NOT_FOUND');
  });

  it.each([
    ['POST', 'schedulers', SCHEDULER, 'host_name', ['-s', '', 's_', 7, null, 'a'.repeat(254)]],
    ['POST', 'schedulers', SCHEDULER, 'ip', ['10.1.0', 'host', '', 1, null]],
    ['POST', 'schedulers', SCHEDULER, 'port', [0, 65_536, '8002', 1.5, null]],
    ['POST', 'schedulers', SCHEDULER, 'scheduler_cluster_id', [-1, '1', 1.5, null]],
    ['POST', 'schedulers', SCHEDULER, 'idc', ['i'.repeat(1_025), 5]],
    ['POST', 'schedulers', SCHEDULER, 'features', ['schedule', 7]],
    ['POST', 'schedulers', SCHEDULER, 'features[0]', []],
    ['POST', 'schedulers', SCHEDULER, 'config', ['x', []]],
    ['POST', 'seed-peers', SEED_PEER, 'type', ['normal', '', 1, null]],
    ['POST', 'seed-peers', SEED_PEER, 'download_port', [0, 65_536, null]],
    ['POST', 'seed-peers', SEED_PEER, 'seed_peer_cluster_id', ['1', null]],
    ['POST', 'peers', PEER, 'type', ['strong', 1]],
    ['POST', 'peers', PEER, 'port', [0, 65_536, null]],
    ['POST', 'peers', PEER, 'os', ['o'.repeat(1_025), {}]],
  ] as const)(
    '%s %s names %s %s when it breaks its rule',
    async (method, path, good, field, bad) => {
      for (const value of bad) {
        expect(await refused(method, path, { ...good, [field]: value })).toEqual([422, field]);
      }
    },
  );

  it('names an unknown feature, and the bounds of a keepalive', async () => {
    const features = ['schedule', 'fly'];
    expect(await refused('POST', 'schedulers', { ...SCHEDULER, features })).toEqual([
      ...[422, 'features[1]'],
    ]);
    for (const [ns, status] of [
      ...([
        [99_999_999, 422],
        [100_000_000, 200],
      ] as const),
      ...([
        [3_600_000_000_000, 200],
        [3_600_000_000_001, 422],
      ] as const),
    ]) {
      const config = { manager_keep_alive_interval: ns };
      const host_name = `s-${ns}`;
      const { status: got } = await call('POST', 'schedulers', { ...SCHEDULER, host_name, config });
      expect([ns, got]).toEqual([ns, status]);
    }
  });

  it('leaves alone what runs: its own settings name its cluster, and it cannot be removed', async () => {
    const id = await manager.get().fleet.registerScheduler('s-runs');
    const stream = manager.get().fleet.keepAlive('s-runs');
    await stream.beat();
    await stream.beat(); // The first is in the ledger when the second is taken.
    const path = `schedulers/${id}`;
    while ((await call('GET', path)).json.state !== 'active') await stream.beat();
    const { json: cluster } = await call('POST', 'clusters', { name: 'c-to', ...CONFIGS });
    const to = cluster.id as number;
    expect((await call('DELETE', path)).json.code).toBe('SCHEDULER_IN_USE');
    expect((await call('PUT', `scheduler-clusters/${to}/schedulers/${id}`)).json.code).toBe(
      'SCHEDULER_IN_USE',
    );
    expect((await call('PATCH', path, { ip: '10.9.9.9' })).json.code).toBe('SCHEDULER_IN_USE');
    expect((await call('PATCH', path, { location: 'here' })).status).toBe(200);
    stream.end();
  });

  it('moves what has not run into another cluster', async () => {
    const { json: cluster } = await call('POST', 'clusters', { name: 'c-moves', ...CONFIGS });
    const [to, seedsTo] = [cluster.id as number, cluster.seed_peer_cluster_id as number];
    const { json: one } = await call('POST', 'schedulers', { ...SCHEDULER, host_name: 's-moves' });
    const move = `scheduler-clusters/${to}/schedulers/${one.id as number}`;
    expect(await call('PUT', move)).toMatchObject({ status: 200, text: '' });
    const moved = await call('GET', `schedulers/${one.id as number}`);
    expect(moved.json).toMatchObject({ scheduler_cluster_id: to });
    const { json: seed } = await call('POST', 'seed-peers', SEED_PEER);
    const moveSeed = `seed-peer-clusters/${seedsTo}/seed-peers/${seed.id as number}`;
    expect((await call('PUT', moveSeed)).status).toBe(200);
    expect((await call('GET', `seed-peers/${seed.id as number}`)).json).toMatchObject({
      ...{ seed_peer_cluster_id: seedsTo, seed_peer_cluster: { name: 'c-moves' } },
    });
    expect(
      (await call('PUT', `scheduler-clusters/9999/schedulers/${one.id as number}`)).status,
    ).toBe(404);
    expect((await call('PUT', `scheduler-clusters/${to}/schedulers/9999`)).status).toBe(404);
    expect((await call('PUT', `seed-peer-clusters/${seedsTo}/seed-peers/x`)).status).toBe(422);
  });

  it('makes, changes and removes a seed peer', async () => {
    const body = { ...SEED_PEER, host_name: 'seed-x', object_storage_port: 1 };
    const { status, json } = await call('POST', 'seed-peers', body);
    expect([status, json.host_name, json.state, json.object_storage_port]).toEqual([
      ...[200, 'seed-x', 'inactive', 0],
    ]);
    const path = `seed-peers/${json.id as number}`;
    expect((await call('PATCH', path, { idc: 'b', port: 4009 })).json).toMatchObject({
      ...{ idc: 'b', port: 4009, download_port: 4000 },
    });
    expect((await call('POST', 'seed-peers', body)).json.code).toBe('SEED_PEER_EXISTS');
    expect(await call('DELETE', path)).toMatchObject({ status: 200, text: '' });
    expect((await call('PATCH', path, {})).status).toBe(404);
  });

  it('makes, shows and forgets a host', async () => {
    const { status, json } = await call('POST', 'peers', { ...PEER, git_version: '1.2' });
    expect([status, json]).toMatchObject([
      200,
      { ...PEER, type: 'normal', state: 'inactive', git_version: '1.2', is_del: 0 },
    ]);
    const path = `peers/${json.id as number}`;
    expect((await call('GET', path)).json).toEqual(json);
    expect((await call('GET', 'peers?host_name=h-hand')).json).toEqual([json]);
    expect((await call('POST', 'peers', PEER)).json.code).toBe('HOST_EXISTS');
    expect((await call('DELETE', path)).status).toBe(200);
    expect((await call('GET', path)).json.code).toBe('HOST_NOT_FOUND');
    expect((await call('POST', 'peers', { ...PEER, scheduler_cluster_id: 99 })).json.code).toBe(
      'CLUSTER_NOT_FOUND',
    );
  });

  it('knows no persistent cache task by any id', async () => {
    for (const method of ['GET', 'DELETE']) {
      const path = `persistent-cache-tasks/${'a'.repeat(64)}`;
      expect((await call(method, `${path}?scheduler_cluster_id=1`)).json.code).toBe(
        'PERSISTENT_CACHE_TASK_NOT_FOUND',
      );
      expect((await call(method, path)).json.details).toEqual({ field: 'scheduler_cluster_id' });
    }
  });
});
