import {
  JobPhase,
  ORDER_STATES_ENDED,
  OrderState,
  TargetOutcome,
  nextOrderState,
} from '@pondhawk/jobs';
import type { EndedJob } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import type { JobRow, OrderRow } from '../tables.js';
import type { HandlerOf } from './command-handler.js';
import { endJob, endJobIfDone } from './end-job.js';

/** How long a cluster's part of a job waits for a scheduler to become active. */
export const NO_SCHEDULER_WAIT_MS_MAX = 30_000;

/** @see LedgerCommands */
export const expireJobs: HandlerOf<'expire-jobs'> = async (context) => {
  const ended: EndedJob[] = [];
  for (const job of await findOverdueJobs(context)) ended.push(await timeOut(context, job));
  const failed = await failWaitingOrders(context);
  for (const jobId of new Set(failed.map((order) => order.job_id))) {
    const job = await requireJob(context, jobId);
    const end = await endJobIfDone(context, job);
    if (end !== undefined) ended.push(end);
  }
  return { failedOrderCount: failed.length, ended };
};

async function findOverdueJobs({ db, atMs }: CommandContext): Promise<JobRow[]> {
  return db
    .selectFrom('jobs')
    .selectAll()
    .where('phase', 'in', [JobPhase.Accepted, JobPhase.Running])
    .where('deadline_at_ms', '<=', atMs)
    .orderBy('id')
    .execute();
}

async function timeOut(context: CommandContext, job: JobRow): Promise<EndedJob> {
  const { db, atMs } = context;
  await db
    .updateTable('targets')
    .set({
      outcome: TargetOutcome.Failed,
      code: 'DEADLINE_EXCEEDED',
      message: 'No answer before the deadline of the job.',
      ended_at_ms: atMs,
    })
    .where('job_id', '=', job.id)
    .where('outcome', '=', TargetOutcome.Pending)
    .execute();
  await db
    .updateTable('orders')
    .set({
      state: nextOrderState(OrderState.Running, 'expire'),
      error_code: 'DEADLINE_EXCEEDED',
      error_message: 'The scheduler had not finished before the deadline of the job.',
      updated_at_ms: atMs,
    })
    .where('job_id', '=', job.id)
    .where('state', 'not in', ORDER_STATES_ENDED)
    .execute();
  return endJob(context, job, { isTimedOut: true });
}

async function failWaitingOrders(context: CommandContext): Promise<OrderRow[]> {
  const { db, atMs } = context;
  const orders = await db
    .updateTable('orders')
    .set({
      state: nextOrderState(OrderState.Waiting, 'fail'),
      error_code: 'NO_ACTIVE_SCHEDULER',
      error_message: 'No scheduler of the cluster was active for 30 s.',
      updated_at_ms: atMs,
    })
    .where('state', '=', OrderState.Waiting)
    .where('created_at_ms', '<=', atMs - NO_SCHEDULER_WAIT_MS_MAX)
    .returningAll()
    .execute();
  for (const { id, job_id, state } of orders) {
    await context.appendEvent(job_id, 'order-ended', { orderId: id, state });
  }
  return orders;
}

async function requireJob({ db }: CommandContext, jobId: number): Promise<JobRow> {
  return db.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirstOrThrow();
}
