import { ConflictError } from '@pondhawk/core';

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
