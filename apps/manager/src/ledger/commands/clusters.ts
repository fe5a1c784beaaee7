import { NotFoundError, ZERO_EPOCH } from '@pondhawk/core';
import { JobPhase } from '@pondhawk/jobs';
import type { UpdateCluster } from '../cluster-commands.js';
import type { CommandContext } from '../command-context.js';
import { clusterExists, clusterInUse } from './cluster-refusals.js';
import type { HandlerOf } from './command-handler.js';
import { insertSeedPeerCluster, requireSeedPeerCluster } from './seed-peer-clusters.js';
import { settleWaiver } from './waivers.js';

type Db = CommandContext['db'];

/** @see ClusterCommands */
export const createCluster: HandlerOf<'create-cluster'> = async (context, input) => {
  const { db } = context;
  const { atMs, name, seedPeerClusterId } = input;
  await requireFreeName(db, name, 0);
  const seeds =
    seedPeerClusterId === 'new'
      ? await insertSeedPeerCluster(db, { ...input, config: input.seedClientConfig })
      : { id: seedPeerClusterId };
  if (seeds.id !== 0) await requireSeedPeerCluster(db, seeds.id);
  const { id } = await db
    .insertInto('scheduler_clusters')
    .values({
      name,
      bio: input.bio,
      config: JSON.stringify(input.config),
      client_config: JSON.stringify(input.clientConfig),
      seed_client_config: JSON.stringify(input.seedClientConfig),
      scopes: JSON.stringify(input.scopes),
      is_default: input.isDefault ? 1 : 0,
      seed_peer_cluster_id: seeds.id,
      created_at_ms: atMs,
      updated_at_ms: atMs,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  if (input.isDefault) await takeDefaultFromOthers(db, id);
  await beginPurgeLog(db, id);
  await settleWaiver(context, id, input.config);
  return { id };
};

/** @see ClusterCommands */
export const updateCluster: HandlerOf<'update-cluster'> = async (context, input) => {
  const { db } = context;
  const { atMs, clusterId, changes } = input;
  const cluster = await requireCluster(db, clusterId);
  if (changes.name !== undefined) await requireFreeName(db, changes.name, clusterId);
  const seedsId = changes.seedPeerClusterId ?? cluster.seed_peer_cluster_id;
  if (changes.seedPeerClusterId !== undefined && seedsId !== 0) {
    await requireSeedPeerCluster(db, seedsId);
  }
  await db
    .updateTable('scheduler_clusters')
    .set({ ...columnsOf(changes), seed_peer_cluster_id: seedsId, updated_at_ms: atMs })
    .where('id', '=', clusterId)
    .execute();
  if (changes.config !== undefined) await settleWaiver(context, clusterId, changes.config);
  if (changes.isDefault === true) await takeDefaultFromOthers(db, clusterId);
  if (changes.seedClientConfig !== undefined) {
    await db
      .updateTable('seed_peer_clusters')
      .set({ config: JSON.stringify(changes.seedClientConfig), updated_at_ms: atMs })
      .where('id', '=', seedsId)
      .execute();
  }
  return undefined;
};

/** @see ClusterCommands */
export const deleteCluster: HandlerOf<'delete-cluster'> = async ({ db }, input) => {
  const { clusterId, withSeedPeerCluster } = input;
  const { seed_peer_cluster_id: seedsId } = await requireCluster(db, clusterId);
  const scheduler = await db
    .selectFrom('schedulers')
    .select('id')
    .where('scheduler_cluster_id', '=', clusterId)
    .where('removed_at_ms', 'is', null)
    .executeTakeFirst();
  if (scheduler !== undefined) throw clusterInUse(clusterId, 'schedulers');
  const host = await db
    .selectFrom('peers')
    .select('id')
    .where('scheduler_cluster_id', '=', clusterId)
    .executeTakeFirst();
  if (host !== undefined) throw clusterInUse(clusterId, 'hosts');
  const job = await db
    .selectFrom('job_clusters')
    .innerJoin('jobs', 'jobs.id', 'job_clusters.job_id')
    .select('jobs.id')
    .where('job_clusters.scheduler_cluster_id', '=', clusterId)
    .where('jobs.phase', '!=', JobPhase.Ended)
    .executeTakeFirst();
  if (job !== undefined) throw clusterInUse(clusterId, 'unfinished jobs');
  await db.deleteFrom('schedulers').where('scheduler_cluster_id', '=', clusterId).execute();
  await db.deleteFrom('scheduler_clusters').where('id', '=', clusterId).execute();
  if (withSeedPeerCluster) await removeUnusedSeeds(db, seedsId);
  return undefined;
};

async function requireCluster(db: Db, clusterId: number) {
  const row = await db
    .selectFrom('scheduler_clusters')
    .select(['id', 'seed_peer_cluster_id'])
    .where('id', '=', clusterId)
    .executeTakeFirst();
  if (row !== undefined) return row;
  throw new NotFoundError('CLUSTER_NOT_FOUND', `There is no cluster ${clusterId}.`, {
    details: { id: clusterId },
  });
}

async function requireFreeName(db: Db, name: string, exceptId: number): Promise<void> {
  const taken = await db
    .selectFrom('scheduler_clusters')
    .select('id')
    .where('name', '=', name)
    .where('id', '!=', exceptId)
    .executeTakeFirst();
  if (taken !== undefined) throw clusterExists(name);
}

function columnsOf(changes: UpdateCluster['changes']) {
  const { name, bio, isDefault, config, clientConfig, seedClientConfig, scopes } = changes;
  return {
    ...(name === undefined ? {} : { name }),
    ...(bio === undefined ? {} : { bio }),
    ...(isDefault === undefined ? {} : { is_default: isDefault ? 1 : 0 }),
    ...(config === undefined ? {} : { config: JSON.stringify(config) }),
    ...(clientConfig === undefined ? {} : { client_config: JSON.stringify(clientConfig) }),
    ...(seedClientConfig === undefined
      ? {}
      : { seed_client_config: JSON.stringify(seedClientConfig) }),
    ...(scopes === undefined ? {} : { scopes: JSON.stringify(scopes) }),
  };
}

async function takeDefaultFromOthers(db: Db, clusterId: number): Promise<void> {
  await db
    .updateTable('scheduler_clusters')
    .set({ is_default: 0 })
    .where('id', '!=', clusterId)
    .execute();
}

/** Under the epoch of all logs, which the ledger's first row has had since its first start. */
async function beginPurgeLog(db: Db, clusterId: number): Promise<void> {
  const other = await db.selectFrom('purge_log_heads').select('epoch').executeTakeFirst();
  await db
    .insertInto('purge_log_heads')
    .values({ scheduler_cluster_id: clusterId, epoch: other?.epoch ?? ZERO_EPOCH, head: 0 })
    .execute();
}

async function removeUnusedSeeds(db: Db, seedsId: number): Promise<void> {
  for (const table of ['scheduler_clusters', 'seed_peers'] as const) {
    const user = await db
      .selectFrom(table)
      .select('id')
      .where('seed_peer_cluster_id', '=', seedsId)
      .executeTakeFirst();
    if (user === undefined) continue;
    if (table === 'scheduler_clusters') return;
    throw clusterInUse(seedsId, 'seed peers');
  }
  await db.deleteFrom('seed_peer_clusters').where('id', '=', seedsId).execute();
}
