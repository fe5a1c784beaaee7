import { ConflictError, NotFoundError } from '@pondhawk/core';
import type { CommandContext } from '../command-context.js';

/** A refusal that says what has to go first. */
export function clusterInUse(clusterId: number, what: string): ConflictError {
  return new ConflictError(
    'CLUSTER_IN_USE',
    `Cluster ${clusterId} has ${what}; remove them first.`,
    { details: { id: clusterId, what } },
  );
}

/** A refusal of a name. */
export function clusterExists(name: string): ConflictError {
  return new ConflictError('CLUSTER_EXISTS', `name is taken: there is a cluster ${name} already.`, {
    details: { field: 'name' },
  });
}

/** That there is none of this number. */
export function clusterNotFound(clusterId: number, field: string): NotFoundError {
  return new NotFoundError('CLUSTER_NOT_FOUND', `There is no cluster ${clusterId}.`, {
    details: { field, clusterId },
  });
}

/** @throws NotFoundError (`CLUSTER_NOT_FOUND`) for a scheduler cluster that is not there. */
export async function requireSchedulerCluster(
  db: CommandContext['db'],
  clusterId: number,
): Promise<void> {
  const row = await db
    .selectFrom('scheduler_clusters')
    .select('id')
    .where('id', '=', clusterId)
    .executeTakeFirst();
  if (row === undefined) throw clusterNotFound(clusterId, 'scheduler_cluster_id');
}
