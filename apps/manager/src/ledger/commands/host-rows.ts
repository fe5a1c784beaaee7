import { ConflictError, NotFoundError } from '@pondhawk/core';
import { requireSchedulerCluster } from './cluster-refusals.js';
import type { HandlerOf } from './command-handler.js';
import { loadAskedHosts } from './purge-targets.js';
import { forgetMarks } from './waivers.js';

/** @see InstanceCommands */
export const createHost: HandlerOf<'create-host'> = async ({ db }, { atMs, clusterId, host }) => {
  await requireSchedulerCluster(db, clusterId);
  const taken = await db
    .selectFrom('peers')
    .select('id')
    .where('scheduler_cluster_id', '=', clusterId)
    .where('host_id', '=', host.id)
    .executeTakeFirst();
  if (taken !== undefined) {
    throw new ConflictError(
      'HOST_EXISTS',
      `host_name is taken: cluster ${clusterId} has a host ${host.id} already.`,
      { details: { field: 'host_name' } },
    );
  }
  return db
    .insertInto('peers')
    .values({
      scheduler_cluster_id: clusterId,
      host_id: host.id,
      host_name: host.host_name,
      ip: host.ip,
      state: 'inactive',
      host: JSON.stringify(host),
      incarnation: null,
      connection_id: null, // Nobody has enrolled it, so no purge accounts for it.
      lost_at_ms: atMs, // It is forgotten like one that was lost, unless it comes.
      has_left: 1,
      created_at_ms: atMs,
      updated_at_ms: atMs,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
};

/** @see InstanceCommands */
export const deleteHost: HandlerOf<'delete-host'> = async (context, { hostRowId }) => {
  const row = await context.db
    .selectFrom('peers')
    .select(['host_id', 'scheduler_cluster_id'])
    .where('id', '=', hostRowId)
    .executeTakeFirst();
  if (row === undefined) {
    throw new NotFoundError('HOST_NOT_FOUND', `There is no host ${hostRowId}.`, {
      details: { id: hostRowId },
    });
  }
  const targets = await loadAskedHosts(context, row.scheduler_cluster_id);
  if (targets.some(({ id }) => id === row.host_id)) {
    throw new ConflictError(
      'HOST_IN_USE',
      `Host ${row.host_id} is connected, or was lost too recently: purges account for it.`,
      { details: { id: hostRowId } },
    );
  }
  await context.db.deleteFrom('peers').where('id', '=', hostRowId).execute();
  // Whoever removes it vouches that its daemon is no more.
  await forgetMarks(context, row.scheduler_cluster_id, { hostId: row.host_id });
  return undefined;
};
