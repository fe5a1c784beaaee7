import { OrderPayload, parsePayload, unpackHosts } from '@pondhawk/contracts';
import { LOST_HOST_TARGET_MS_MAX } from '../src/ledger/commands/purge-targets.js';
import type { Ledger, UpsertScheduler } from '../src/ledger/index.js';
import { START_MS, aHost, aJob, enrolHosts, startSchedulers } from './ledger-fixtures.js';

const PLACE = { idc: '', location: '', port: 8002, keepAliveIntervalMs: 5_000 };
const LATER_MS = START_MS + 60_000;

/** What every ledger must do with instances that are changed by hand, whichever database it lies in. */
export function describeInstances(get: () => Ledger): void {
  const scheduler = (hostName: string, facts: Partial<UpsertScheduler> = {}) => ({
    ...{ ...PLACE, atMs: START_MS, clusterId: 1, hostName, ip: '10.0.0.9' },
    ...{ features: ['schedule'], ...facts },
  });
  const create = (hostName: string, facts: Partial<UpsertScheduler> = {}) =>
    get().writer.execute('create-scheduler', scheduler(hostName, facts));
  const remove = (schedulerId: number, atMs = LATER_MS) =>
    get().writer.execute('delete-scheduler', { atMs, schedulerId });
  const names = async () =>
    (await get().reader.listSchedulers(LATER_MS)).map(({ hostName }) => hostName);
  const targetsAt = async (atMs: number) => {
    const { messages } = await get().writer.execute('accept-job', aJob({ atMs, type: 'get_task' }));
    return messages.flatMap(({ payload }) =>
      unpackHosts(parsePayload(OrderPayload, payload).hosts ?? ''),
    );
  };

  describe('a scheduler that was removed by hand', () => {
    it('is hidden, keeps its number, and is back when its daemon registers', async () => {
      const [id] = await startSchedulers(get(), 1);
      await expect(remove(id!, START_MS)).rejects.toMatchObject({ code: 'SCHEDULER_IN_USE' });
      await remove(id!);
      expect(await names()).toEqual([]);
      await expect(remove(id!)).rejects.toMatchObject({ code: 'SCHEDULER_NOT_FOUND' });
      const key = { atMs: LATER_MS, clusterId: 1, hostName: 's1', ip: '127.0.0.1' };
      const alive = () => get().writer.execute('keep-alive', { ...key, source: 'scheduler' });
      await expect(alive()).rejects.toMatchObject({ code: 'INSTANCE_NOT_REGISTERED' });
      expect((await startSchedulers(get(), 1, LATER_MS))[0]).toBe(id);
      expect(await names()).toEqual(['s1']);
    });

    it('takes none of its hosts out of the purges that must account for them', async () => {
      const [gone, other] = await startSchedulers(get(), 2);
      await enrolHosts(get(), gone!, 2);
      await remove(gone!);
      const alive = { atMs: LATER_MS, clusterId: 1, hostName: 's2', ip: '127.0.0.1' };
      await get().writer.execute('keep-alive', { ...alive, source: 'scheduler' });
      expect(other).not.toBe(gone);
      expect(await targetsAt(LATER_MS)).toHaveLength(2);
      await get().writer.execute('keep-alive', {
        ...{ ...alive, atMs: LATER_MS + LOST_HOST_TARGET_MS_MAX, source: 'scheduler' as const },
      });
      expect(await targetsAt(LATER_MS + LOST_HOST_TARGET_MS_MAX)).toHaveLength(0);
    });

    it('does not keep its cluster from being removed', async () => {
      const { id: clusterId } = await get().writer.execute('create-cluster', {
        ...{ atMs: START_MS, name: 'c-left', bio: '', isDefault: false, seedPeerClusterId: 'new' },
        ...{ config: {}, clientConfig: {}, seedClientConfig: {}, scopes: {} },
      });
      const { id } = await create('s-left', { clusterId });
      const removal = { atMs: START_MS, clusterId, withSeedPeerCluster: true };
      const removed = () => get().writer.execute('delete-cluster', removal);
      await expect(removed()).rejects.toMatchObject({ details: { what: 'schedulers' } });
      await remove(id);
      await removed();
      expect(await get().reader.findCluster(clusterId)).toBeUndefined();
    });
  });

  describe('a scheduler that was made by hand', () => {
    it('is inactive, is itself when its daemon comes, and keeps the features chosen for it', async () => {
      const { id } = await create('s1', { ip: '127.0.0.1', features: ['preheat'] });
      const [one] = await get().reader.listSchedulers(START_MS);
      expect(one).toMatchObject({ id, isActive: false, features: ['preheat'] });
      expect(await startSchedulers(get(), 1)).toEqual([id]);
      const [running] = await get().reader.listSchedulers(START_MS);
      expect(running).toMatchObject({ id, isActive: true, features: ['preheat'], port: 8001 });
    });

    it('is one of its name and address, unless that was removed', async () => {
      const { id } = await create('s-twice');
      await expect(create('s-twice')).rejects.toMatchObject({ code: 'SCHEDULER_EXISTS' });
      expect((await create('s-twice', { ip: '10.0.0.10' })).id).not.toBe(id);
      await remove(id);
      expect((await create('s-twice')).id).toBe(id);
      await expect(create('s-nowhere', { clusterId: 77 })).rejects.toMatchObject({
        code: 'CLUSTER_NOT_FOUND',
      });
    });

    it('moves while it has never run, and not onto another', async () => {
      const { id } = await create('s-move');
      const other = await create('s-move', { ip: '10.0.0.11' });
      const move = (ip: string, schedulerId = id) =>
        get().writer.execute('update-scheduler', { atMs: START_MS, schedulerId, changes: { ip } });
      await expect(move('10.0.0.11')).rejects.toMatchObject({ code: 'SCHEDULER_EXISTS' });
      await remove(other.id);
      await expect(move('10.0.0.11')).rejects.toMatchObject({ code: 'SCHEDULER_EXISTS' });
      await move('10.0.0.12');
      const [running] = await startSchedulers(get(), 1);
      await expect(move('10.0.0.13', running)).rejects.toMatchObject({ code: 'SCHEDULER_IN_USE' });
      await move('127.0.0.1', running); // Where it is.
    });
  });

  describe('a seed peer that is changed by hand', () => {
    const seedPeer = {
      ...{ ...PLACE, atMs: START_MS, clusterId: 1, hostName: 'seed', ip: '10.0.0.9' },
      ...{ type: 'super', downloadPort: 4000 },
    };

    it('is made once, changed, and removed unless it is active', async () => {
      const { id } = await get().writer.execute('create-seed-peer', seedPeer);
      await expect(get().writer.execute('create-seed-peer', seedPeer)).rejects.toMatchObject({
        code: 'SEED_PEER_EXISTS',
      });
      const change = (changes: object) =>
        get().writer.execute('update-seed-peer', { atMs: START_MS, seedPeerId: id, changes });
      await change({ idc: 'x', downloadPort: 4001 });
      const key = { clusterId: 1, hostName: 'seed', ip: '10.0.0.9' };
      const source = 'seed-peer' as const;
      await get().writer.execute('keep-alive', { ...key, atMs: START_MS, source });
      expect(await get().reader.listSeedPeers(START_MS)).toMatchObject([
        { id, idc: 'x', downloadPort: 4001, isActive: true },
      ]);
      await expect(change({ ip: '10.0.0.10' })).rejects.toMatchObject({ code: 'SEED_PEER_IN_USE' });
      const removal = { seedPeerId: id };
      const removeAt = (atMs: number) =>
        get().writer.execute('delete-seed-peer', { ...removal, atMs });
      await expect(removeAt(START_MS)).rejects.toMatchObject({ code: 'SEED_PEER_IN_USE' });
      await removeAt(LATER_MS);
      await expect(removeAt(LATER_MS)).rejects.toMatchObject({ code: 'SEED_PEER_NOT_FOUND' });
    });
  });

  describe('a host that is changed by hand', () => {
    const everyone = { page: 1, perPage: 10 };
    const hosts = async (atMs: number) => (await get().reader.listPeers(atMs, {}, everyone)).items;
    const forget = (hostRowId: number, atMs: number) =>
      get().writer.execute('delete-host', { atMs, hostRowId });

    it('is no target until a scheduler enrols it, and the same row then', async () => {
      const [schedulerId] = await startSchedulers(get(), 1);
      const made = { atMs: START_MS, clusterId: 1, host: aHost(1) };
      const { id } = await get().writer.execute('create-host', made);
      await expect(get().writer.execute('create-host', made)).rejects.toMatchObject({
        code: 'HOST_EXISTS',
      });
      expect(await hosts(START_MS)).toMatchObject([{ id, state: 'inactive', host: aHost(1) }]);
      expect(await targetsAt(START_MS)).toEqual([]);
      await enrolHosts(get(), schedulerId!, 1);
      expect(await hosts(START_MS)).toMatchObject([{ id, state: 'active' }]);
      expect(await targetsAt(START_MS)).toHaveLength(1);
    });

    it('is not forgotten while a purge would have to account for it', async () => {
      const [schedulerId] = await startSchedulers(get(), 1);
      await enrolHosts(get(), schedulerId!, 1);
      const id = (await hosts(START_MS))[0]!.id;
      await expect(forget(id, START_MS)).rejects.toMatchObject({ code: 'HOST_IN_USE' });
      const lastMs = START_MS + 3 * 5_000 + LOST_HOST_TARGET_MS_MAX;
      await expect(forget(id, lastMs - 1)).rejects.toMatchObject({ code: 'HOST_IN_USE' });
      await forget(id, lastMs);
      expect(await hosts(lastMs)).toEqual([]);
      await expect(forget(id, lastMs)).rejects.toMatchObject({ code: 'HOST_NOT_FOUND' });
    });
  });
}
