import type { Ledger } from '../src/ledger/index.js';
import { START_MS, aJob, startSchedulers } from './ledger-fixtures.js';

const FACTS = {
  atMs: START_MS,
  bio: '',
  isDefault: false,
  config: { candidate_parent_limit: 5 },
  clientConfig: { load_limit: 7 },
  seedClientConfig: { load_limit: 9 },
  scopes: { idc: '' },
};

/** What every ledger must do with clusters, whichever database it lies in. */
export function describeClusters(get: () => Ledger): void {
  const create = (name: string, facts: object = {}) =>
    get().writer.execute('create-cluster', {
      ...{ ...FACTS, name, seedPeerClusterId: 'new' as const },
      ...facts,
    });
  const remove = (clusterId: number, withSeedPeerCluster = true) =>
    get().writer.execute('delete-cluster', { atMs: START_MS, clusterId, withSeedPeerCluster });
  const seedNames = async () => (await get().reader.listSeedPeerClusters()).map(({ name }) => name);

  describe('when clusters are made, changed and removed', () => {
    it('has a seed peer cluster for the first cluster from the beginning', async () => {
      const [first] = await get().reader.listClusters();
      expect(await get().reader.listSeedPeerClusters()).toMatchObject([
        { id: first?.seedPeerClusterId, name: first?.name, config: first?.seedClientConfig },
      ]);
    });

    it('gives a new one a purge log under the epoch of all logs', async () => {
      const { id } = await create('c-log');
      const first = await get().reader.findLogState(1);
      expect(await get().reader.findLogState(id)).toEqual({ ...first, head: 0 });
      expect(await get().reader.findCluster(id)).toMatchObject({
        ...{ name: 'c-log', config: FACTS.config, clientConfig: FACTS.clientConfig },
        ...{ seedClientConfig: FACTS.seedClientConfig, scopes: FACTS.scopes, isDefault: false },
      });
      const { clusterIds } = await get().writer.execute('accept-job', aJob({ clusterIds: [id] }));
      expect(clusterIds).toEqual([id]);
      expect(await get().reader.findLogState(id)).toMatchObject({ head: 1 });
    });

    it('has one default cluster at most', async () => {
      const { id } = await create('c-default', { isDefault: true });
      const defaults = async () =>
        (await get().reader.listClusters()).filter((one) => one.isDefault).map((one) => one.id);
      expect(await defaults()).toEqual([id]);
      const change = { atMs: START_MS, clusterId: 1, changes: { isDefault: true } };
      await get().writer.execute('update-cluster', change);
      expect(await defaults()).toEqual([1]);
    });

    it('refuses a name that is taken, and leaves nothing of the attempt', async () => {
      await create('c-name');
      await expect(create('c-name')).rejects.toMatchObject({ code: 'CLUSTER_EXISTS' });
      await get().writer.execute('create-seed-peer-cluster', {
        ...{ atMs: START_MS, name: 'c-seeds', bio: '', config: {} },
      });
      await expect(create('c-seeds')).rejects.toMatchObject({ code: 'CLUSTER_EXISTS' });
      const names = (await get().reader.listClusters()).map(({ name }) => name);
      expect(names).toEqual(['cluster-1', 'c-name']);
      const rename = { atMs: START_MS, clusterId: 1, changes: { name: 'c-name' } };
      await expect(get().writer.execute('update-cluster', rename)).rejects.toMatchObject({
        code: 'CLUSTER_EXISTS',
      });
    });

    it('keeps the settings of seeds the same in both places', async () => {
      const changes = { seedClientConfig: { load_limit: 11 } };
      await get().writer.execute('update-cluster', { atMs: START_MS, clusterId: 1, changes });
      const [seeds] = await get().reader.listSeedPeerClusters();
      expect(seeds?.config).toEqual({ load_limit: 11 });
      await get().writer.execute('update-seed-peer-cluster', {
        ...{ atMs: START_MS, clusterId: 1, changes: { config: { load_limit: 12 } } },
      });
      const cluster = await get().reader.findCluster(1);
      expect(cluster?.seedClientConfig).toEqual({ load_limit: 12 });
    });

    it('removes one that nothing belongs to, and never gives its purge numbers again', async () => {
      const { id } = await create('c-gone');
      await remove(id);
      expect(await get().reader.findCluster(id)).toBeUndefined();
      expect(await seedNames()).toEqual(['cluster-1']);
      expect((await create('c-gone')).id).toBeGreaterThan(id);
      await expect(remove(id)).rejects.toMatchObject({ code: 'CLUSTER_NOT_FOUND' });
    });

    it('takes no job once the last one is gone', async () => {
      await remove(1);
      await expect(get().writer.execute('accept-job', aJob())).rejects.toMatchObject({
        ...{ kind: 'not-found', code: 'CLUSTER_NOT_FOUND' },
      });
    });

    it('refuses to remove one with schedulers or unfinished jobs', async () => {
      const { id } = await create('c-busy');
      await get().writer.execute('accept-job', aJob({ clusterIds: [id] }));
      const inUse = { code: 'CLUSTER_IN_USE' };
      await expect(remove(id)).rejects.toMatchObject({
        ...inUse,
        details: { what: 'unfinished jobs' },
      });
      await startSchedulers(get(), 1);
      await expect(remove(1)).rejects.toMatchObject({ ...inUse, details: { what: 'schedulers' } });
      expect(await get().reader.listClusters()).toHaveLength(2);
    });

    it('leaves a seed peer cluster that another one uses', async () => {
      const { id } = await create('c-other', { seedPeerClusterId: 1 });
      await remove(id);
      expect(await seedNames()).toEqual(['cluster-1']);
      const removal = { atMs: START_MS, clusterId: 1 };
      await expect(get().writer.execute('delete-seed-peer-cluster', removal)).rejects.toMatchObject(
        { code: 'CLUSTER_IN_USE', details: { what: 'scheduler clusters' } },
      );
    });
  });
}
