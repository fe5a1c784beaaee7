import { ConflictError, NotFoundError } from '@pondhawk/core';
import type { CommandContext } from '../command-context.js';
import type { UpdateSeedPeer } from '../instance-commands.js';
import { isActive } from '../liveness.js';
import type { HandlerOf } from './command-handler.js';
import { requireSeedPeerCluster } from './seed-peer-clusters.js';

type Db = CommandContext['db'];

interface SeedPeerKey {
  readonly clusterId: number;
  readonly hostName: string;
  readonly ip: string;
}

/** @see InstanceCommands */
export const createSeedPeer: HandlerOf<'create-seed-peer'> = async ({ db }, input) => {
  await requireSeedPeerCluster(db, input.clusterId);
  await requireFreeKey(db, input, 0);
  return db
    .insertInto('seed_peers')
    .values({
      seed_peer_cluster_id: input.clusterId,
      host_name: input.hostName,
      ip: input.ip,
      type: input.type,
      port: input.port,
      download_port: input.downloadPort,
      idc: input.idc,
      location: input.location,
      keep_alive_interval_ms: input.keepAliveIntervalMs,
      last_keep_alive_at_ms: 0,
      created_at_ms: input.atMs,
      updated_at_ms: input.atMs,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
};

/** @see InstanceCommands */
export const updateSeedPeer: HandlerOf<'update-seed-peer'> = async ({ db }, input) => {
  const { atMs, seedPeerId, changes } = input;
  const row = await requireSeedPeer(db, seedPeerId);
  const clusterId = changes.clusterId ?? row.seed_peer_cluster_id;
  const ip = changes.ip ?? row.ip;
  if (clusterId !== row.seed_peer_cluster_id || ip !== row.ip) {
    await requireSeedPeerCluster(db, clusterId);
    if (isActive(row, atMs)) {
      throw inUse(seedPeerId, 'is active: cluster and ip are those of its own settings');
    }
    await requireFreeKey(db, { clusterId, ip, hostName: row.host_name }, seedPeerId);
  }
  await db
    .updateTable('seed_peers')
    .set({ ...columnsOf(changes), seed_peer_cluster_id: clusterId, ip, updated_at_ms: atMs })
    .where('id', '=', seedPeerId)
    .execute();
  return undefined;
};

/** @see InstanceCommands */
export const deleteSeedPeer: HandlerOf<'delete-seed-peer'> = async ({ db }, input) => {
  const { atMs, seedPeerId } = input;
  const row = await requireSeedPeer(db, seedPeerId);
  if (isActive(row, atMs)) throw inUse(seedPeerId, 'is active; stop it first');
  await db.deleteFrom('seed_peers').where('id', '=', seedPeerId).execute();
  return undefined;
};

async function requireSeedPeer(db: Db, seedPeerId: number) {
  const row = await db
    .selectFrom('seed_peers')
    .selectAll()
    .where('id', '=', seedPeerId)
    .executeTakeFirst();
  if (row !== undefined) return row;
  throw new NotFoundError('SEED_PEER_NOT_FOUND', `There is no seed peer ${seedPeerId}.`, {
    details: { id: seedPeerId },
  });
}

async function requireFreeKey(db: Db, key: SeedPeerKey, exceptId: number): Promise<void> {
  const taken = await db
    .selectFrom('seed_peers')
    .select('id')
    .where('seed_peer_cluster_id', '=', key.clusterId)
    .where('host_name', '=', key.hostName)
    .where('ip', '=', key.ip)
    .where('id', '!=', exceptId)
    .executeTakeFirst();
  if (taken === undefined) return;
  throw new ConflictError(
    'SEED_PEER_EXISTS',
    `host_name is taken: cluster ${key.clusterId} has a seed peer ${key.hostName} at ${key.ip} already.`,
    { details: { field: 'host_name' } },
  );
}

function columnsOf({ type, port, downloadPort, idc, location }: UpdateSeedPeer['changes']) {
  return {
    ...(type === undefined ? {} : { type }),
    ...(port === undefined ? {} : { port }),
    ...(downloadPort === undefined ? {} : { download_port: downloadPort }),
    ...(idc === undefined ? {} : { idc }),
    ...(location === undefined ? {} : { location }),
  };
}

function inUse(seedPeerId: number, why: string): ConflictError {
  return new ConflictError('SEED_PEER_IN_USE', `Seed peer ${seedPeerId} ${why}.`, {
    details: { id: seedPeerId },
  });
}
