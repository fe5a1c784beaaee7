import { JobPhase } from '@pondhawk/jobs';
import type { Selectable } from 'kysely';
import type { CommandContext } from '../command-context.js';
import type { RemoveAged } from '../retention-commands.js';
import type { PurgeLogHeadsTable } from '../tables.js';
import type { HandlerOf } from './command-handler.js';
import { removeJob } from './delete-job-record.js';
import { IDEMPOTENCY_KEY_AGE_MS_MAX } from './idempotency.js';

/** Jobs looked at by one command, and the targets that those it removes may have together. */
export const AGED_JOBS_MAX = 50;
const AGED_TARGETS_MAX = 10_000;
/** Other rows that one command removes of each kind. */
export const AGED_ROWS_MAX = 1_000;
/** Entries kept of a cluster's purge log, however young they are. */
export const PURGE_LOG_ENTRIES_MAX = 1_000_000;
/** A host that has left, or was lost, is forgotten after this. */
export const GONE_HOST_AGE_MS_MAX = 30 * 24 * 3_600_000;

/** @see LedgerCommands */
export const removeAged: HandlerOf<'remove-aged'> = async (context, input) => {
  const removed = {
    jobs: await removeJobs(context, input),
    keys: await removeKeys(context),
    hosts: await removeHosts(context),
    purges: await truncateLogs(context, input),
    audits: await truncateAudits(context, input),
  };
  const hasMore =
    removed.jobs.isFull ||
    [removed.keys, removed.hosts, removed.purges, removed.audits].includes(AGED_ROWS_MAX);
  return { ...removed, jobs: removed.jobs.count, hasMore };
};

/** Oldest ends first; an unfinished job is never touched. */
export async function removeJobs(
  context: CommandContext,
  { jobAgeMsMax }: Pick<RemoveAged, 'jobAgeMsMax'>,
): Promise<{ readonly count: number; readonly isFull: boolean }> {
  const { db, atMs } = context;
  const jobs = await db
    .selectFrom('jobs')
    .select((eb) => [
      'id',
      eb
        .selectFrom('targets')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .whereRef('targets.job_id', '=', 'jobs.id')
        .as('targetCount'),
    ])
    .where('phase', '=', JobPhase.Ended)
    .where('ended_at_ms', '<=', atMs - jobAgeMsMax)
    .orderBy('ended_at_ms')
    .limit(AGED_JOBS_MAX)
    .execute();
  let targetCount = 0;
  let count = 0;
  for (const job of jobs) {
    targetCount += job.targetCount ?? 0;
    if (count > 0 && targetCount > AGED_TARGETS_MAX) break;
    await removeJob(context, job.id);
    count += 1;
  }
  return { count, isFull: count < jobs.length || jobs.length === AGED_JOBS_MAX };
}

async function removeKeys({ db, atMs }: CommandContext): Promise<number> {
  const aged = db
    .selectFrom('idempotency_keys')
    .select(['user_id', 'key'])
    .where('created_at_ms', '<=', atMs - IDEMPOTENCY_KEY_AGE_MS_MAX)
    .orderBy('created_at_ms')
    .limit(AGED_ROWS_MAX);
  const rows = await aged.execute();
  for (const { user_id, key } of rows) {
    await db
      .deleteFrom('idempotency_keys')
      .where('user_id', '=', user_id)
      .where('key', '=', key)
      .execute();
  }
  return rows.length;
}

async function removeHosts({ db, atMs }: CommandContext): Promise<number> {
  const aged = db
    .selectFrom('peers')
    .select('id')
    .where('lost_at_ms', '<=', atMs - GONE_HOST_AGE_MS_MAX)
    .where((eb) =>
      eb.not(
        // One that may serve without a lease is accounted for until it is known that it does not.
        eb.exists(
          eb
            .selectFrom('waiver_marks')
            .select('waiver_marks.number')
            .whereRef('waiver_marks.host_id', '=', 'peers.host_id')
            .whereRef('waiver_marks.scheduler_cluster_id', '=', 'peers.scheduler_cluster_id'),
        ),
      ),
    )
    .orderBy('lost_at_ms')
    .limit(AGED_ROWS_MAX);
  const removed = await db.deleteFrom('peers').where('id', 'in', aged).executeTakeFirst();
  return Number(removed.numDeletedRows);
}

/** A log begins at a higher number afterwards; a host that stands before that drops what it holds. */
async function truncateLogs(
  context: CommandContext,
  { purgeAgeMsMax }: RemoveAged,
): Promise<number> {
  const { db } = context;
  let removedCount = 0;
  for (const log of await db.selectFrom('purge_log_heads').selectAll().execute()) {
    const clusterId = log.scheduler_cluster_id;
    const end = Math.min(log.head + 1, log.first_seq + AGED_ROWS_MAX - removedCount);
    const firstKept = await findFirstKept(context, { log, end, purgeAgeMsMax });
    if (firstKept <= log.first_seq) continue;
    const removed = await db
      .deleteFrom('purge_log')
      .where('scheduler_cluster_id', '=', clusterId)
      .where('seq', '<', firstKept)
      .executeTakeFirst();
    await db
      .updateTable('purge_log_heads')
      .set({ first_seq: firstKept })
      .where('scheduler_cluster_id', '=', clusterId)
      .execute();
    removedCount += Number(removed.numDeletedRows);
  }
  return removedCount;
}

/** From the beginning up to the first that is young enough, so that what is left is one chain. */
export async function truncateAudits(
  { db, atMs }: CommandContext,
  { auditAgeMsMax }: Pick<RemoveAged, 'auditAgeMsMax'>,
): Promise<number> {
  const { removed_count: removedCount } = await db
    .selectFrom('audit_start')
    .select('removed_count')
    .executeTakeFirstOrThrow();
  const oldest = await db
    .selectFrom('audits')
    .select(['id', 'operated_at_ms', 'hash'])
    .where('id', '>', removedCount)
    .orderBy('id')
    .limit(AGED_ROWS_MAX)
    .execute();
  const young = oldest.findIndex((audit) => audit.operated_at_ms > atMs - auditAgeMsMax);
  const aged = young === -1 ? oldest : oldest.slice(0, young);
  const last = aged.at(-1);
  if (last === undefined) return 0;
  await db.deleteFrom('audits').where('id', '<=', last.id).execute();
  await db
    .updateTable('audit_start')
    .set({ removed_count: last.id, removed_hash: last.hash })
    .execute();
  return aged.length;
}

/** The first entry that is young enough, or belongs to a job that has not ended, but at most `end`: everything from there on is kept. */
async function findFirstKept(
  { db, atMs }: CommandContext,
  input: {
    readonly log: Selectable<PurgeLogHeadsTable>;
    readonly end: number;
    readonly purgeAgeMsMax: number;
  },
): Promise<number> {
  const { log, end, purgeAgeMsMax } = input;
  const clusterId = log.scheduler_cluster_id;
  const young = await db
    .selectFrom('purge_log')
    .select('seq')
    .where('scheduler_cluster_id', '=', clusterId)
    .where('seq', '<', end)
    .where('at_ms', '>', atMs - purgeAgeMsMax)
    .where('seq', '>', log.head - PURGE_LOG_ENTRIES_MAX)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  const unfinished = await db
    .selectFrom('jobs')
    .innerJoin('job_clusters', 'job_clusters.job_id', 'jobs.id')
    .select(({ fn }) => fn.min<number | null>('job_clusters.purge_seq').as('seq'))
    .where('jobs.phase', 'in', [JobPhase.Accepted, JobPhase.Running])
    .where('job_clusters.scheduler_cluster_id', '=', clusterId)
    .executeTakeFirstOrThrow();
  return Math.min(end, young?.seq ?? end, unfinished.seq ?? end);
}
