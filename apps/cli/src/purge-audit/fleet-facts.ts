/** What the manager tells of purges and hosts, as far as an audit needs it. */

import { CliError } from '../exit-code.js';
import type { ApiRecord, ManagerClient } from '../manager/manager-client.js';

/** Rows asked for at once. */
const ROWS_PER_PAGE = 1_000;
/** Entries of one purge log that a sample is taken from, the newest; hosts of a cluster, far more than one has. */
const ROWS_MAX = 100_000;

/** An accepted delete. */
export interface LoggedPurge {
  readonly clusterId: number;
  readonly taskId: string;
  readonly seq: number;
  /** The epoch in force, whichever the entry was written under. */
  readonly epochInForce: string;
  readonly jobId: number;
  readonly acceptedAt: string;
}

/** A host of a cluster. */
export interface AuditedHost {
  readonly clusterId: number;
  readonly hostName: string;
  readonly ip: string;
  readonly port: number;
  readonly downloadPort: number;
  /** It is connected to its scheduler. */
  readonly isActive: boolean;
  /** Absent with daemons of other makes, which cannot say where in a log a copy was begun. */
  readonly takesLeases: boolean;
}

/** Ids of the clusters there are. @throws CliError. */
export async function loadClusterIds(manager: ManagerClient): Promise<readonly number[]> {
  const clusters = await loadPages((query) =>
    manager.ask((api) => api.GET('/api/v1/clusters', { params: { query } })),
  );
  return clusters.map(({ id }) => id);
}

/**
 * The newest purge of each task, the newest first.
 *
 * @param sinceMs Unix ms; entries accepted before are left out.
 * @throws CliError.
 */
export async function loadPurges(
  manager: ManagerClient,
  clusterId: number,
  sinceMs: number,
): Promise<readonly LoggedPurge[]> {
  const rows = await loadPages(
    (query) => askForLog(manager, clusterId, query),
    ({ created_at }) => Date.parse(created_at) < sinceMs,
  );
  const byTask = new Map<string, LoggedPurge>();
  for (const purge of rows.map(toPurge)) {
    if (!byTask.has(purge.taskId)) byTask.set(purge.taskId, purge);
  }
  return [...byTask.values()];
}

/** The newest purge of a task as it stands now; undefined if the log does not have it any more. */
export async function findPurge(
  manager: ManagerClient,
  { clusterId, taskId }: LoggedPurge,
): Promise<LoggedPurge | undefined> {
  const [row] = await askForLog(manager, clusterId, { task_id: taskId, page: 1, per_page: 1 });
  return row && toPurge(row);
}

/** Whether the job of a purge has ended; one that is forgotten has. */
export async function hasEnded(manager: ManagerClient, { jobId }: LoggedPurge): Promise<boolean> {
  const params = { path: { id: jobId }, query: { wait: '0' } };
  try {
    const { phase } = await manager.ask((api) => api.GET('/api/v1/jobs/{id}', { params }));
    return phase === 'ended';
  } catch (error) {
    if (error instanceof CliError && error.code === 'JOB_NOT_FOUND') return true;
    throw error;
  }
}

/** All hosts of a cluster, those that are away too. */
export async function loadHosts(
  manager: ManagerClient,
  clusterId: number,
): Promise<readonly AuditedHost[]> {
  const ofCluster = { scheduler_cluster_id: clusterId };
  const rows = await loadPages((query) =>
    manager.ask((api) =>
      api.GET('/api/v1/peers', { params: { query: { ...ofCluster, ...query } } }),
    ),
  );
  return rows.map((row) => ({
    clusterId,
    hostName: row.host_name,
    ip: row.ip,
    port: row.port,
    downloadPort: row.download_port,
    isActive: row.state === 'active',
    takesLeases: row.takes_leases,
  }));
}

interface PageQuery {
  readonly page: number;
  readonly per_page: number;
}

function askForLog(
  manager: ManagerClient,
  clusterId: number,
  query: PageQuery & { readonly task_id?: string },
): Promise<readonly ApiRecord<'Purge'>[]> {
  const params = { path: { id: clusterId }, query };
  return manager.ask((api) => api.GET('/api/v1/clusters/{id}/purge-log', { params }));
}

/** @param isEnd nothing from the first such row on is wanted. */
async function loadPages<T>(
  ask: (query: PageQuery) => Promise<readonly T[]>,
  isEnd: (row: T) => boolean = () => false,
): Promise<T[]> {
  const rows: T[] = [];
  for (let page = 1; rows.length < ROWS_MAX; page += 1) {
    const answer = await ask({ page, per_page: ROWS_PER_PAGE });
    const end = answer.findIndex(isEnd);
    rows.push(...(end < 0 ? answer : answer.slice(0, end)));
    if (end >= 0 || answer.length < ROWS_PER_PAGE) break;
  }
  return rows;
}

function toPurge(row: ApiRecord<'Purge'>): LoggedPurge {
  return {
    clusterId: row.scheduler_cluster_id,
    taskId: row.task_id,
    seq: row.seq,
    epochInForce: row.log_epoch,
    jobId: row.job_id,
    acceptedAt: row.created_at,
  };
}
