import { NotFoundError } from '@pondhawk/core';
import type { CreateSeedPeerCluster } from '../cluster-commands.js';
import type { CommandContext } from '../command-context.js';
import { clusterExists, clusterInUse } from './cluster-refusals.js';
import type { HandlerOf } from './command-handler.js';

type Db = CommandContext['db'];

/** @see ClusterCommands */
export const createSeedPeerCluster: HandlerOf<'create-seed-peer-cluster'> = ({ db }, input) =>
  insertSeedPeerCluster(db, input);

/** @see ClusterCommands */
export const updateSeedPeerCluster: HandlerOf<'update-seed-peer-cluster'> = async (
  { db },
  { atMs, clusterId, changes: { name, bio, config } },
) => {
  await requireSeedPeerCluster(db, clusterId);
  if (name !== undefined) await requireFreeName(db, name, clusterId);
  const text = config === undefined ? undefined : JSON.stringify(config);
  await db
    .updateTable('seed_peer_clusters')
    .set({
      updated_at_ms: atMs,
      ...(name === undefined ? {} : { name }),
      ...(bio === undefined ? {} : { bio }),
      ...(text === undefined ? {} : { config: text }),
    })
    .where('id', '=', clusterId)
    .execute();
  if (text !== undefined) {
    await db
      .updateTable('scheduler_clusters')
      .set({ seed_client_config: text, updated_at_ms: atMs })
      .where('seed_peer_cluster_id', '=', clusterId)
      .execute();
  }
  return undefined;
};

/** @see ClusterCommands */
export const deleteSeedPeerCluster: HandlerOf<'delete-seed-peer-cluster'> = async (
  { db },
  { clusterId },
) => {
  await requireSeedPeerCluster(db, clusterId);
  for (const [what, table] of [
    ['seed peers', 'seed_peers'],
    ['scheduler clusters', 'scheduler_clusters'],
  ] as const) {
    const user = await db
      .selectFrom(table)
      .select('id')
      .where('seed_peer_cluster_id', '=', clusterId)
      .executeTakeFirst();
    if (user !== undefined) throw clusterInUse(clusterId, what);
  }
  await db.deleteFrom('seed_peer_clusters').where('id', '=', clusterId).execute();
  return undefined;
};

/** @throws ConflictError (`CLUSTER_EXISTS`). */
export async function insertSeedPeerCluster(
  db: Db,
  { atMs, name, bio, config }: CreateSeedPeerCluster,
): Promise<{ id: number }> {
  await requireFreeName(db, name, 0);
  return db
    .insertInto('seed_peer_clusters')
    .values({
      name,
      bio,
      config: JSON.stringify(config),
      created_at_ms: atMs,
      updated_at_ms: atMs,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
}

/** @throws NotFoundError (`CLUSTER_NOT_FOUND`). */
export async function requireSeedPeerCluster(db: Db, clusterId: number): Promise<void> {
  const row = await db
    .selectFrom('seed_peer_clusters')
    .select('id')
    .where('id', '=', clusterId)
    .executeTakeFirst();
  if (row !== undefined) return;
  throw new NotFoundError('CLUSTER_NOT_FOUND', `There is no seed peer cluster ${clusterId}.`, {
    details: { id: clusterId },
  });
}

async function requireFreeName(db: Db, name: string, exceptId: number): Promise<void> {
  const taken = await db
    .selectFrom('seed_peer_clusters')
    .select('id')
    .where('name', '=', name)
    .where('id', '!=', exceptId)
    .executeTakeFirst();
  if (taken !== undefined) throw clusterExists(name);
}
