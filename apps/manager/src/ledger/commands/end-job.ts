import {
  type JobPhase,
  type JobTally,
  type JobType,
  NO_TARGETS,
  ORDER_STATES_ENDED,
  OrderState,
  type TargetCounts,
  TargetOutcome,
  decideOutcome,
  isTargetOutcome,
  mayEnd,
  nextJobPhase,
} from '@pondhawk/jobs';
import { sql } from 'kysely';
import type { EndedJob } from '../command-catalog.js';
import { countAbsent } from '../absent-queries.js';
import type { CommandContext } from '../command-context.js';
import type { JobRow } from '../tables.js';
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
  const { state, outcome } = decideOutcome({ ...tally, isTimedOut });
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

async function tallyJob({ db }: CommandContext, job: JobRow): Promise<JobTally> {
  const clusters = await db
    .selectFrom('job_clusters')
    .select('scheduler_cluster_id as clusterId')
    .where('job_id', '=', job.id)
    .execute();
  const counts = await db
    .selectFrom('targets')
    .select(['scheduler_cluster_id as clusterId', 'outcome', sql<number>`count(*)`.as('count')])
    .where('job_id', '=', job.id)
    .groupBy(['scheduler_cluster_id', 'outcome'])
    .execute();
  const absent = await countAbsent({ db }, [job.id]);
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
      counts: toCounts(
        counts.filter((row) => row.clusterId === clusterId),
        absent.find((row) => row.scheduler_cluster_id === clusterId)?.count ?? 0,
      ),
      failedOrders: failed.find((row) => row.clusterId === clusterId)?.count ?? 0,
    })),
  };
}

function toCounts(
  rows: readonly { readonly outcome: string; readonly count: number }[],
  listedAbsent: number,
): TargetCounts {
  const counts = { ...NO_TARGETS, absent: listedAbsent };
  for (const { outcome, count } of rows) if (isTargetOutcome(outcome)) counts[outcome] += count;
  return counts;
}
