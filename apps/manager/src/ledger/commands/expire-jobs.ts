import { ORDER_STATES_ENDED, OrderState, TargetOutcome, nextOrderState } from '@pondhawk/jobs';
import type { EndedJob } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import type { JobRow, OrderRow } from '../tables.js';
import type { HandlerOf } from './command-handler.js';
import { loadOverdueJobs, loadStrandedOrders } from '../overdue-queries.js';
import { endJob, endJobIfDone, requireJob } from './end-job.js';
import { failPendingTargets } from './orders.js';
import { appendTargetsChanged } from './progress.js';

const NO_SCHEDULER = {
  code: 'NO_ACTIVE_SCHEDULER',
  message: 'No scheduler of the cluster was active for 30 s.',
};

/** @see LedgerCommands */
export const expireJobs: HandlerOf<'expire-jobs'> = async (context) => {
  const ended: EndedJob[] = [];
  for (const job of await loadOverdueJobs(context, context.atMs))
    ended.push(await timeOut(context, job));
  const failed = await failWaitingOrders(context);
  for (const { job_id: jobId, id: orderId } of lastOfEachJob(failed)) {
    const job = await requireJob(context, jobId);
    await appendTargetsChanged(context, job, orderId);
    const end = await endJobIfDone(context, job);
    if (end !== undefined) ended.push(end);
  }
  return { failedOrderCount: failed.length, ended };
};

function lastOfEachJob(orders: readonly OrderRow[]): Iterable<OrderRow> {
  return new Map(orders.map((order) => [order.job_id, order])).values();
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

async function failWaitingOrders(context: CommandContext): Promise<readonly OrderRow[]> {
  const { db, atMs } = context;
  const orders = await loadStrandedOrders(context, atMs);
  const state = nextOrderState(OrderState.Waiting, 'fail');
  for (const { id, job_id } of orders) {
    await db
      .updateTable('orders')
      .set({
        state,
        error_code: NO_SCHEDULER.code,
        error_message: NO_SCHEDULER.message,
        updated_at_ms: atMs,
      })
      .where('id', '=', id)
      .execute();
    const data = { order_id: id, state, code: NO_SCHEDULER.code };
    await context.appendEvent({ jobId: job_id, kind: 'order-ended', data });
  }
  await failPendingTargets(
    context,
    orders.map(({ id }) => id),
    NO_SCHEDULER,
  );
  return orders;
}
