/** Queries about hosts that had nothing of a task, which are kept in packed lists. */

import { unpackHosts } from '@pondhawk/contracts';
import { TargetOutcome } from '@pondhawk/jobs';
import { sql } from 'kysely';
import type { ReadContext } from './job-queries.js';
import type { TargetRecord } from './records.js';

/** How many hosts stand in the lists of jobs, by job and cluster. */
export async function countAbsent(
  { db }: Pick<ReadContext, 'db'>,
  ofJobs: readonly number[],
): Promise<readonly { job_id: number; scheduler_cluster_id: number; count: number }[]> {
  if (ofJobs.length === 0) return [];
  return db
    .selectFrom('absent_hosts')
    .select(['job_id', 'scheduler_cluster_id', sql<number>`sum(host_count)`.as('count')])
    .where('job_id', 'in', ofJobs)
    .groupBy(['job_id', 'scheduler_cluster_id'])
    .execute();
}

/** The hosts in the lists of a job, by cluster, host name, ip, id. */
export async function loadAbsentTargets(
  { db }: ReadContext,
  jobId: number,
): Promise<TargetRecord[]> {
  const parts = await db
    .selectFrom('absent_hosts')
    .selectAll()
    .where('job_id', '=', jobId)
    .orderBy('scheduler_cluster_id')
    .execute();
  const targets = parts.flatMap((part) => {
    const nodes = part.nodes.split('\n');
    return unpackHosts(part.hosts).map((host, index) => ({
      node: nodes[index] ?? '',
      clusterId: part.scheduler_cluster_id,
      host,
      outcome: TargetOutcome.Absent,
      ...{ code: '', message: '', deletedBytes: 0, attempts: 1 },
      startedAtMs: part.at_ms,
      endedAtMs: part.at_ms,
      task: undefined,
      later: undefined,
    }));
  });
  return targets.sort(
    (a, b) =>
      a.clusterId - b.clusterId ||
      compare(a.host.host_name, b.host.host_name) ||
      compare(a.host.ip, b.host.ip) ||
      compare(a.host.id, b.host.id),
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
