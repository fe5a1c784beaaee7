/** Queries about purge logs. */

import type { TaskId } from '@pondhawk/core';
import { JobPhase } from '@pondhawk/jobs';
import type { LogState, PurgeEntry } from '@pondhawk/purge';
import { type NotNull, sql } from 'kysely';
import type { ReadContext } from './job-queries.js';
import type { OpenPurges, Page, PageRequest } from './ledger-reader.js';
import type { LoggedPurgeRecord } from './records.js';
import { inSets, valueSet } from './row-set.js';

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

/** A page of a cluster's purge log, the newest first, with who asked for each purge. */
export async function loadPurgeLog(
  { db }: ReadContext,
  clusterId: number,
  { taskId }: { readonly taskId?: string },
  { page, perPage }: PageRequest,
): Promise<Page<LoggedPurgeRecord>> {
  let entries = db.selectFrom('purge_log').where('purge_log.scheduler_cluster_id', '=', clusterId);
  if (taskId !== undefined) entries = entries.where('task_id', '=', taskId);
  const { count } = await entries
    .select(sql<number>`count(*)`.as('count'))
    .executeTakeFirstOrThrow();
  const rows = await entries
    .innerJoin(
      'purge_log_heads',
      'purge_log_heads.scheduler_cluster_id',
      'purge_log.scheduler_cluster_id',
    )
    .leftJoin('users', 'users.id', 'purge_log.user_id')
    .select(['seq', 'epoch', 'task_id', 'job_id', 'user_id', 'at_ms', 'users.name as user_name'])
    .orderBy('seq', 'desc')
    .limit(perPage)
    .offset((page - 1) * perPage)
    .execute();
  const items = rows.map((row) => ({
    ...{ clusterId, epoch: row.epoch, seq: row.seq },
    ...{ taskId: row.task_id, jobId: row.job_id },
    ...{ userId: row.user_id, userName: row.user_name ?? '' },
    atMs: row.at_ms,
  }));
  return { items, totalCount: count };
}

/** When an entry was accepted. */
export async function findPurgeAtMs(
  { db }: ReadContext,
  clusterId: number,
  seq: number,
): Promise<number | undefined> {
  const row = await db
    .selectFrom('purge_log')
    .select('at_ms')
    .where('scheduler_cluster_id', '=', clusterId)
    .where('seq', '=', seq)
    .executeTakeFirst();
  return row?.at_ms;
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

/** Purges of jobs that have not ended and were accepted after a ledger number; to be read in one snapshot. */
export async function loadOpenPurges(context: ReadContext, after: number): Promise<OpenPurges> {
  const { db, dialect } = context;
  const { number } = await db.selectFrom('ledger_head').select('number').executeTakeFirstOrThrow();
  if (number === after) return { purges: [], number };
  const open = db
    .selectFrom('jobs')
    .innerJoin('job_clusters', 'job_clusters.job_id', 'jobs.id')
    .select([
      'jobs.id as jobId',
      'job_clusters.scheduler_cluster_id as clusterId',
      'job_clusters.purge_seq as seq',
    ])
    .where('jobs.phase', 'in', [JobPhase.Accepted, JobPhase.Running])
    .where('job_clusters.purge_seq', 'is not', null)
    .orderBy('jobs.id')
    .orderBy('job_clusters.scheduler_cluster_id')
    .$narrowType<{ seq: NotNull }>();
  if (after === 0) return { purges: await open.execute(), number };
  // Numbers become visible in their order, and the events of a few are found by them.
  const accepted = await db
    .selectFrom('events')
    .select('job_id')
    .where('ledger_number', '>', after)
    .where('kind', '=', 'job-accepted')
    .execute();
  const purges: OpenPurges['purges'][number][] = [];
  for (const set of inSets(accepted.map(({ job_id }) => job_id))) {
    const found = await open.where('jobs.id', 'in', valueSet<number>(dialect, set)).execute();
    purges.push(...found);
  }
  return { purges, number };
}
