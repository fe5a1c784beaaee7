/** Queries about jobs and their targets; each takes the connection or transaction to read on. */

import { LIST_TRUNCATED } from '@pondhawk/contracts';
import {
  JobType,
  NO_TARGETS,
  type TargetCounts,
  TargetOutcome,
  isTargetOutcome,
  ORDER_STATES_ENDED,
} from '@pondhawk/jobs';
import {
  type Expression,
  type ExpressionBuilder,
  type Kysely,
  type RawBuilder,
  type SelectQueryBuilder,
  type SqlBool,
  sql,
} from 'kysely';
import {
  parseFinality,
  toListedTasks,
  toOrderRecord,
  toTargetRecord,
  parseObject,
} from './job-rows.js';
import type { JobFilter, PageRequest } from './ledger-reader.js';
import type { JobClusterRecord, JobDetail, TargetRecord, SealedOrder } from './records.js';
import { inSets, valueSet } from './row-set.js';
import type { JobRow, LedgerDialect, LedgerTables, TargetRow } from './tables.js';

/** Targets of one outcome that a job's view lists; the rest is behind `GET /jobs/:id/targets`. */
export const LISTED_TARGETS_MAX = 1_000;

/** Outcomes whose hosts a view names; `absent` is a count, `pending` has nothing to tell yet. */
const LISTED_OUTCOMES: readonly TargetOutcome[] = [
  TargetOutcome.Deleted,
  TargetOutcome.Answered,
  TargetOutcome.Preheated,
  TargetOutcome.AlreadyHere,
  TargetOutcome.Fenced,
  TargetOutcome.Failed,
  TargetOutcome.Skipped,
];

/** What a view tells of an order; not the hosts it was sent with, which are many. */
const ORDER_COLUMNS = [
  'id',
  'job_id',
  'scheduler_cluster_id',
  'scheduler_id',
  'attempt',
  'state',
  'error_code',
  'error_message',
  'verification',
] as const;

/** A database to read and its dialect. */
export interface ReadContext {
  readonly db: Kysely<LedgerTables>;
  readonly dialect: LedgerDialect;
}

/** The clusters of jobs, with counts and orders, by job id. */
export async function loadJobClusters(
  { db, dialect }: ReadContext,
  jobIds: readonly number[],
): Promise<ReadonlyMap<number, readonly JobClusterRecord[]>> {
  const byJob = new Map<number, JobClusterRecord[]>();
  for (const ids of inSets(jobIds)) {
    const ofJobs = valueSet<number>(dialect, ids);
    const clusters = await db
      .selectFrom('job_clusters')
      .selectAll()
      .where('job_id', 'in', ofJobs)
      .orderBy('scheduler_cluster_id')
      .execute();
    const orders = await db
      .selectFrom('orders')
      .select(ORDER_COLUMNS)
      .where('job_id', 'in', ofJobs)
      .orderBy('id')
      .execute();
    const tallies = await loadTallies({ db, dialect }, ids);
    const held = await loadHeldBytes({ db, dialect }, ofJobs);
    for (const { job_id, scheduler_cluster_id, cluster_name, ...purge } of clusters) {
      const isOfCluster = (row: { job_id: number; scheduler_cluster_id: number }): boolean =>
        row.job_id === job_id && row.scheduler_cluster_id === scheduler_cluster_id;
      const tally = tallies.filter(isOfCluster);
      byJob.set(job_id, [
        ...(byJob.get(job_id) ?? []),
        {
          id: scheduler_cluster_id,
          name: cluster_name,
          counts: toCounts(tally),
          purgeSeq: purge.purge_seq ?? undefined,
          finality: parseFinality(purge.finality),
          deletedBytes: tally.reduce((sum, { deleted_bytes }) => sum + deleted_bytes, 0),
          settledCount: purge.settled_count,
          heldBytes: held.find(isOfCluster)?.bytes ?? 0,
          orders: orders.filter(isOfCluster).map(toOrderRecord),
        },
      ]);
    }
  }
  return byJob;
}

/** The targets that a job's view names. */
export async function loadListedTargets(
  { db }: ReadContext,
  jobId: number,
): Promise<TargetRecord[]> {
  const targets: TargetRecord[] = [];
  for (const outcome of LISTED_OUTCOMES) {
    const rows = await inListOrder(targetsOf(db, jobId))
      .where('outcome', '=', outcome)
      .limit(LISTED_TARGETS_MAX)
      .execute();
    targets.push(...rows.map(toTargetRecord));
  }
  return targets;
}

/** What a scheduler asks for that carries out the order of a preheat. */
export async function findSealedOrder(
  { db }: ReadContext,
  orderId: number,
): Promise<SealedOrder | undefined> {
  const row = await db
    .selectFrom('orders')
    .innerJoin('jobs', 'jobs.id', 'orders.job_id')
    .select(['orders.scheduler_id', 'orders.attempt', 'jobs.order_args', 'jobs.sealed'])
    .where('orders.id', '=', orderId)
    .where('orders.state', 'not in', ORDER_STATES_ENDED)
    .executeTakeFirst();
  if (row?.sealed == null) return undefined;
  const { ticket } = parseObject(row.order_args);
  return {
    schedulerId: row.scheduler_id ?? undefined,
    attempt: row.attempt,
    ticket: String(ticket),
    sealed: row.sealed,
  };
}

/** One page over all tasks that the hosts of a `list_tasks` job hold. */
export async function loadListedTasks(
  { db, dialect }: ReadContext,
  jobId: number,
  { page, perPage }: PageRequest,
): Promise<JobDetail['listed']> {
  const holders = await inListOrder(
    db.selectFrom('targets').where('job_id', '=', jobId).where('held_count', '>', 0),
  )
    .where('outcome', '=', TargetOutcome.Answered)
    .select(['node', 'held_count', 'code'])
    .execute();
  const first = (page - 1) * perPage;
  let totalCount = 0;
  let skipped = 0;
  const nodes: string[] = [];
  for (const { node, held_count } of holders) {
    const isBefore = totalCount + held_count <= first;
    if (isBefore) skipped += held_count;
    else if (totalCount < first + perPage) nodes.push(node);
    totalCount += held_count;
  }
  const rows: TargetRow[] = [];
  for (const set of inSets(nodes)) {
    rows.push(
      ...(await inListOrder(targetsOf(db, jobId))
        .where('node', 'in', valueSet<string>(dialect, set))
        .execute()),
    );
  }
  const entries = rows.flatMap(toListedTasks).slice(first - skipped, first - skipped + perPage);
  return { entries, totalCount, isCut: holders.some(({ code }) => code === LIST_TRUNCATED) };
}

/** Jobs that a filter lets pass. */
export function filterJobs<O>(
  query: SelectQueryBuilder<LedgerTables, 'jobs', O>,
  { type, state, userId }: JobFilter,
): SelectQueryBuilder<LedgerTables, 'jobs', O> {
  let filtered = query;
  if (type !== undefined) filtered = filtered.where((eb) => ofShownType(eb, type));
  if (state !== undefined) filtered = filtered.where('state', '=', state);
  if (userId !== undefined) filtered = filtered.where('user_id', '=', userId);
  return filtered;
}

/** Dry runs are found among the deletes, as they are shown. */
function ofShownType(
  eb: ExpressionBuilder<LedgerTables, 'jobs'>,
  type: string,
): Expression<SqlBool> {
  const isOfType = eb('type', '=', type);
  if (type === JobType.GetTask) return eb.and([isOfType, eb('dry_run', '=', 0)]);
  if (type !== JobType.DeleteTask) return isOfType;
  return eb.or([isOfType, eb.and([eb('type', '=', JobType.GetTask), eb('dry_run', '=', 1)])]);
}

/** Bytes that hosts hold of the tasks of dry runs, by job and cluster. */
async function loadHeldBytes(
  { db, dialect }: ReadContext,
  ofJobs: RawBuilder<number>,
): Promise<readonly { job_id: number; scheduler_cluster_id: number; bytes: number }[]> {
  const bytes =
    dialect === 'sqlite'
      ? sql<number>`sum(json_extract(held, '$.finished_bytes'))`
      : sql<number>`sum((held::json->>'finished_bytes')::bigint)`;
  return db
    .selectFrom('targets')
    .innerJoin('jobs', 'jobs.id', 'targets.job_id')
    .select(['job_id', 'scheduler_cluster_id', bytes.as('bytes')])
    .where('job_id', 'in', ofJobs)
    .where('dry_run', '=', 1)
    .where('held', 'is not', null)
    .groupBy(['job_id', 'scheduler_cluster_id'])
    .execute();
}

/** All columns of a job's targets. */
export function targetsOf(
  db: Kysely<LedgerTables>,
  jobId: number,
): SelectQueryBuilder<LedgerTables, 'targets', TargetRow> {
  return db.selectFrom('targets').selectAll().where('job_id', '=', jobId);
}

/** The order of every list of targets: cluster, host name, ip, id. */
export function inListOrder<O>(
  query: SelectQueryBuilder<LedgerTables, 'targets', O>,
): SelectQueryBuilder<LedgerTables, 'targets', O> {
  return query
    .orderBy('scheduler_cluster_id')
    .orderBy('host_name')
    .orderBy('ip')
    .orderBy('host_id');
}

/** How many targets of one cluster of a job have one outcome. */
export interface Tally {
  readonly job_id: number;
  readonly scheduler_cluster_id: number;
  readonly outcome: string;
  readonly count: number;
  readonly deleted_bytes: number;
}

/** Counts the targets of jobs, those with a row and those that are only listed as absent. */
export async function loadTallies(
  { db, dialect }: ReadContext,
  jobIds: readonly number[],
): Promise<Tally[]> {
  const ofJobs = valueSet<number>(dialect, jobIds);
  const kept = await db
    .selectFrom('targets')
    .select([
      'job_id',
      'scheduler_cluster_id',
      'outcome',
      sql<number>`count(*)`.as('count'),
      sql<number>`sum(deleted_bytes)`.as('deleted_bytes'),
    ])
    .where('job_id', 'in', ofJobs)
    .groupBy(['job_id', 'scheduler_cluster_id', 'outcome'])
    .execute();
  const listed = await db
    .selectFrom('absent_hosts')
    .select(['job_id', 'scheduler_cluster_id', sql<number>`sum(host_count)`.as('count')])
    .where('job_id', 'in', ofJobs)
    .groupBy(['job_id', 'scheduler_cluster_id'])
    .execute();
  const absent = { outcome: TargetOutcome.Absent, deleted_bytes: 0 };
  return [...kept, ...listed.map((row) => ({ ...row, ...absent }))];
}

/** Tallies as one count an outcome. */
export function toCounts(tallies: readonly Tally[]): TargetCounts {
  const counts: Record<TargetOutcome, number> = { ...NO_TARGETS };
  for (const { outcome, count } of tallies) {
    if (isTargetOutcome(outcome)) counts[outcome] += count;
  }
  return counts;
}

/** The page of a `list_tasks` job that named none. */
const LISTED_PER_PAGE_DEFAULT = 10;

/** The job's row. */
export async function findJobRow({ db }: ReadContext, jobId: number): Promise<JobRow | undefined> {
  return db.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirst();
}

/** Which page of its tasks a job of listings asks for. */
export function listedPageOf(row: JobRow): PageRequest {
  const { page = 1, per_page: perPage = LISTED_PER_PAGE_DEFAULT } = parseObject(row.order_args) as {
    page?: number;
    per_page?: number;
  };
  return { page, perPage };
}
