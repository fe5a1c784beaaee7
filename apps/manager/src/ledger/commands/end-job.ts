import {
  type JobPhase,
  type JobTally,
  JobType,
  ORDER_STATES_ENDED,
  OrderState,
  TargetOutcome,
  decideOutcome,
  mayEnd,
  withSettled,
  nextJobPhase,
  nextOrderState,
} from '@pondhawk/jobs';
import { sql } from 'kysely';
import type { EndedJob } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import { loadTallies, toCounts } from '../job-queries.js';
import { parseFinality } from '../job-rows.js';
import type { JobRow, OrderRow } from '../tables.js';
import { loadPendingNodes } from './pending-nodes.js';
import { isCutShort } from './cut-short.js';
import { releaseBlocked } from './preheats.js';
import { loadProgress } from './progress.js';

/** Ends the job in this commit if nothing is left to wait for. */
export async function endJobIfDone(
  context: CommandContext,
  job: JobRow,
): Promise<EndedJob | undefined> {
  const { db } = context;
  const pendingTarget = await db
    .selectFrom('targets')
    .select('node')
    .where('job_id', '=', job.id)
    .where('outcome', '=', TargetOutcome.Pending)
    .limit(1)
    .executeTakeFirst();
  const unfinished = await db
    .selectFrom('orders')
    .selectAll()
    .where('job_id', '=', job.id)
    .where('state', 'not in', ORDER_STATES_ENDED)
    .execute();
  const open = pendingTarget === undefined ? await findOpen(context, job, unfinished) : unfinished;
  const isDone = mayEnd({
    unfinishedOrders: open.length,
    pendingTargets: pendingTarget === undefined ? 0 : 1,
  });
  if (!isDone || !(await isBoundKept(context, job))) return undefined;
  await closeOrders(context, unfinished);
  return endJob(context, job, { isTimedOut: false });
}

/**
 * The orders that a job must wait for. A purge has SUCCESS by what the ledger has of each host that an order names, not
 * because a scheduler has said that it was done.
 */
async function findOpen(
  context: CommandContext,
  job: JobRow,
  unfinished: readonly OrderRow[],
): Promise<readonly OrderRow[]> {
  if (job.type !== JobType.DeleteTask) return unfinished;
  const needed = isVerified(job) ? unfinished : await findNeeded(context, job, unfinished);
  return needed.length > 0 ? needed : findUntold(context, job);
}

/** Orders that are done although a host which they name has no outcome: it gets one late, or is fenced. */
async function findUntold(context: CommandContext, job: JobRow): Promise<readonly OrderRow[]> {
  const done = await context.db
    .selectFrom('orders')
    .selectAll()
    .where('job_id', '=', job.id)
    .where('state', '=', OrderState.Done)
    .execute();
  const untold: OrderRow[] = [];
  for (const order of done) {
    if ((await loadPendingNodes(context, order)).length > 0) untold.push(order);
  }
  return untold;
}

/**
 * The unfinished orders that a job must wait for. A purge need not wait for the last word of a
 * scheduler once all its hosts have ended otherwise, if it has reported at all, or there is nobody
 * whom only a scheduler knows. A delete with `verify` waits for what they saw.
 */
async function findNeeded(
  context: CommandContext,
  job: JobRow,
  unfinished: readonly OrderRow[],
): Promise<readonly OrderRow[]> {
  const clusters = await loadPurgeClusters(context, job.id);
  const needed: OrderRow[] = [];
  for (const order of unfinished) {
    const cluster = clusters.get(order.scheduler_cluster_id);
    const isHeard = order.state === OrderState.Running || cluster?.hasForeign === false;
    const isLooked = order.has_fenced === 1 && isHeard;
    if (!isLooked || (await loadPendingNodes(context, order)).length > 0) needed.push(order);
  }
  return needed;
}

function isVerified({ order_args }: JobRow): boolean {
  return (JSON.parse(order_args) as { readonly verify?: boolean }).verify === true;
}

/** R9: whether a purge may end by answers, or only by its clock yet. */
async function isBoundKept(context: CommandContext, job: JobRow): Promise<boolean> {
  if (job.type !== JobType.DeleteTask) return true;
  const clusters = await loadPurgeClusters(context, job.id);
  return [...clusters].every(([clusterId, { seq }]) =>
    context.leases.of(clusterId).mayEnd({ entry: { seq } }),
  );
}

async function loadPurgeClusters(
  { db }: CommandContext,
  jobId: number,
): Promise<ReadonlyMap<number, { readonly seq: number; readonly hasForeign: boolean }>> {
  const rows = await db
    .selectFrom('job_clusters')
    .select(['scheduler_cluster_id', 'purge_seq', 'finality'])
    .where('job_id', '=', jobId)
    .execute();
  return new Map(
    rows.map(({ scheduler_cluster_id, purge_seq, finality }) => {
      const reasons = parseFinality(finality)?.reasons ?? [];
      const hasForeign = reasons.includes('FOREIGN_HOSTS');
      return [scheduler_cluster_id, { seq: purge_seq ?? 0, hasForeign }];
    }),
  );
}

async function closeOrders(
  { db, atMs }: CommandContext,
  orders: readonly OrderRow[],
): Promise<void> {
  for (const { id, state } of orders) {
    await db
      .updateTable('orders')
      .set({ state: nextOrderState(state as OrderState, 'close'), updated_at_ms: atMs })
      .where('id', '=', id)
      .execute();
  }
}

/** Ends the job as its targets and orders stand. What waits in the outbox is not sent any more. */
export async function endJob(
  context: CommandContext,
  job: JobRow,
  { isTimedOut }: { readonly isTimedOut: boolean },
): Promise<EndedJob> {
  const { db, atMs } = context;
  const tally = await tallyJob(context, job);
  const { state, outcome } = decideOutcome({
    ...tally,
    isTimedOut,
    isCancelled: await isCutShort(context, job),
  });
  await db
    .updateTable('jobs')
    .set({
      phase: nextJobPhase(job.phase as JobPhase, 'end'),
      state,
      outcome,
      ended_at_ms: atMs,
      updated_at_ms: atMs,
    })
    .where('id', '=', job.id)
    .execute();
  await db.deleteFrom('outbox').where('job_id', '=', job.id).execute();
  const locks = await db
    .deleteFrom('locks')
    .where('job_id', '=', job.id)
    .returning('path')
    .execute();
  context.afterCommit.push(() => context.leases.watch.end(job.id));
  const ended: EndedJob = {
    ...{ jobId: job.id, type: job.type as JobType, state, outcome },
    durationMs: Math.max(0, atMs - job.created_at_ms),
  };
  const progress = await loadProgress(context, job);
  const data = { state, outcome, ...progress };
  await context.appendEvent({ jobId: job.id, kind: 'job-ended', data, ended });
  await releaseBlocked(
    context,
    locks.map(({ path }) => path),
  );
  return ended;
}

/** The job's row. */
export async function requireJob({ db }: CommandContext, jobId: number): Promise<JobRow> {
  return db.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirstOrThrow();
}

async function tallyJob(context: CommandContext, job: JobRow): Promise<JobTally> {
  const { db } = context;
  const clusters = await db
    .selectFrom('job_clusters')
    .select(['scheduler_cluster_id as clusterId', 'settled_count'])
    .where('job_id', '=', job.id)
    .execute();
  const tallies = await loadTallies(context, [job.id]);
  const failed = await db
    .selectFrom('orders')
    .select(['scheduler_cluster_id as clusterId', sql<number>`count(*)`.as('count')])
    .where('job_id', '=', job.id)
    .where('state', 'in', [OrderState.Failed, OrderState.Expired])
    .groupBy('scheduler_cluster_id')
    .execute();
  return {
    type: job.type as JobType,
    clusters: clusters.map(({ clusterId, settled_count }) => ({
      clusterId,
      counts: withSettled(
        toCounts(tallies.filter((row) => row.scheduler_cluster_id === clusterId)),
        settled_count,
      ),
      failedOrders: failed.find((row) => row.clusterId === clusterId)?.count ?? 0,
    })),
  };
}
