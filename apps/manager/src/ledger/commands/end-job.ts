import {
  type JobPhase,
  type JobTally,
  type JobType,
  ORDER_STATES_ENDED,
  OrderState,
  TargetOutcome,
  decideOutcome,
  mayEnd,
  nextJobPhase,
} from '@pondhawk/jobs';
import { sql } from 'kysely';
import type { EndedJob } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import { loadTallies, toCounts } from '../job-queries.js';
import type { JobRow } from '../tables.js';
import { isCutShort } from './cut-short.js';
import { loadProgress } from './progress.js';

/** Ends the job in this commit if every order has ended and no target is pending. */
export async function endJobIfDone(
  context: CommandContext,
  job: JobRow,
): Promise<EndedJob | undefined> {
  const { db } = context;
  const unfinishedOrder = await db
    .selectFrom('orders')
    .select('id')
    .where('job_id', '=', job.id)
    .where('state', 'not in', ORDER_STATES_ENDED)
    .limit(1)
    .executeTakeFirst();
  if (unfinishedOrder !== undefined) return undefined;
  const pendingTarget = await db
    .selectFrom('targets')
    .select('node')
    .where('job_id', '=', job.id)
    .where('outcome', '=', TargetOutcome.Pending)
    .limit(1)
    .executeTakeFirst();
  const isDone = mayEnd({
    unfinishedOrders: 0,
    pendingTargets: pendingTarget === undefined ? 0 : 1,
  });
  return isDone ? endJob(context, job, { isTimedOut: false }) : undefined;
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
  await db.deleteFrom('locks').where('job_id', '=', job.id).execute();
  const ended: EndedJob = { jobId: job.id, type: job.type as JobType, state, outcome };
  const progress = await loadProgress(context, job);
  const data = { state, outcome, ...progress };
  await context.appendEvent({ jobId: job.id, kind: 'job-ended', data, ended });
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
    .select('scheduler_cluster_id as clusterId')
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
    clusters: clusters.map(({ clusterId }) => ({
      clusterId,
      counts: toCounts(tallies.filter((row) => row.scheduler_cluster_id === clusterId)),
      failedOrders: failed.find((row) => row.clusterId === clusterId)?.count ?? 0,
    })),
  };
}
