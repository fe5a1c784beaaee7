/** Queries about purge logs. */

import type { TaskId } from '@pondhawk/core';
import type { LogState, PurgeEntry } from '@pondhawk/purge';
import type { ReadContext } from './job-queries.js';

/** Where a cluster's log stands; undefined for a cluster that does not exist. */
export async function findLogState(
  { db }: ReadContext,
  clusterId: number,
): Promise<LogState | undefined> {
  const row = await db
    .selectFrom('purge_log_heads')
    .selectAll()
    .where('scheduler_cluster_id', '=', clusterId)
    .executeTakeFirst();
  return row && { epoch: row.epoch, first: row.first_seq, head: row.head, headHash: row.head_hash };
}

/** Entries after a number, in order. */
export async function loadPurges(
  { db }: ReadContext,
  clusterId: number,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<PurgeEntry[]> {
  const rows = await db
    .selectFrom('purge_log')
    .select(['seq', 'task_id', 'chain_hash'])
    .where('scheduler_cluster_id', '=', clusterId)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map(({ seq, task_id, chain_hash }) => ({
    seq,
    taskId: task_id as TaskId,
    chainHash: chain_hash,
  }));
}

/** The first alarm that nobody has acknowledged. */
export async function findPurgeLogAlarm({ db }: ReadContext): Promise<string | undefined> {
  const row = await db
    .selectFrom('purge_log_heads')
    .select('alarm')
    .where('alarm', 'is not', null)
    .orderBy('scheduler_cluster_id')
    .executeTakeFirst();
  return row?.alarm ?? undefined;
}
