import { CANCELLED, CANCEL_TYPE, type CancelPayload } from '@pondhawk/contracts';
import { ConflictError, NotFoundError } from '@pondhawk/core';
import {
  type JobPhase,
  ORDER_STATES_ENDED,
  OrderState,
  isJobEnded,
  nextOrderState,
} from '@pondhawk/jobs';
import type { CommandContext } from '../command-context.js';
import type { OrderRow } from '../tables.js';
import type { HandlerOf } from './command-handler.js';
import { endJobIfDone, requireJob } from './end-job.js';
import { ORDER_FORMAT } from './orders.js';
import { skipRest } from './skip-rest.js';

/** @see LedgerCommands */
export const cancelJob: HandlerOf<'cancel-job'> = async (context, { jobId, atMs }) => {
  const job = await context.db
    .selectFrom('jobs')
    .selectAll()
    .where('id', '=', jobId)
    .executeTakeFirst();
  if (job === undefined) {
    throw new NotFoundError('JOB_NOT_FOUND', `There is no job ${jobId}.`, { details: { jobId } });
  }
  if (job.cancelled_at_ms !== null) return {};
  if (isJobEnded(job.phase as JobPhase)) {
    throw new ConflictError(
      'JOB_ENDED',
      `Job ${jobId} has ended (${job.outcome ?? ''}); there is nothing to cancel.`,
      { details: { jobId, outcome: job.outcome ?? '' } },
    );
  }
  await context.db
    .updateTable('jobs')
    .set({ cancelled_at_ms: atMs, updated_at_ms: atMs })
    .where('id', '=', jobId)
    .execute();
  await context.appendEvent({ jobId, kind: 'job-cancelling', data: {} });
  await cancelOrders(context, jobId);
  const ended = await endJobIfDone(context, await requireJob(context, jobId));
  return ended === undefined ? {} : { ended };
};

/** An order that nobody carries out any more since its job was cancelled. */
export async function endCancelledOrder(context: CommandContext, order: OrderRow): Promise<void> {
  const { db, atMs } = context;
  const state = nextOrderState(order.state as OrderState, 'cancel');
  await db
    .updateTable('orders')
    .set({ state, updated_at_ms: atMs })
    .where('id', '=', order.id)
    .execute();
  await db.deleteFrom('outbox').where('order_id', '=', order.id).execute();
  await skipRest(context, order);
  const data = { order_id: order.id, state, code: CANCELLED };
  await context.appendEvent({ jobId: order.job_id, kind: 'order-ended', data });
}

async function cancelOrders(context: CommandContext, jobId: number): Promise<void> {
  const { db } = context;
  const orders = await db
    .selectFrom('orders')
    .selectAll()
    .where('job_id', '=', jobId)
    .where('state', 'not in', ORDER_STATES_ENDED)
    .orderBy('id')
    .execute();
  for (const order of orders) {
    if (await mayBeInHand(context, order)) await tellScheduler(context, order);
    else await endCancelledOrder(context, order);
  }
}

/** Whether some scheduler was ever sent this attempt; one that it is being sent just now is told of the end. */
async function mayBeInHand({ db }: CommandContext, order: OrderRow): Promise<boolean> {
  if (order.state !== OrderState.Queued) return order.state === OrderState.Running;
  const unsent = await db
    .selectFrom('outbox')
    .select('id')
    .where('order_id', '=', order.id)
    .where('sent_at_ms', 'is', null)
    .where('send_count', '=', 0)
    .executeTakeFirst();
  return unsent === undefined;
}

async function tellScheduler({ db, atMs }: CommandContext, order: OrderRow): Promise<void> {
  const { id: orderId, job_id: jobId, scheduler_cluster_id: clusterId } = order;
  const schedulerId = order.scheduler_id ?? 0; // One that is in hand has a scheduler.
  const payload: CancelPayload = {
    format: ORDER_FORMAT,
    order_id: orderId,
    job_id: jobId,
    attempt: order.attempt,
    scheduler_cluster_id: clusterId,
    scheduler_id: schedulerId,
  };
  await db
    .insertInto('outbox')
    .values({
      job_id: jobId,
      order_id: orderId,
      scheduler_cluster_id: clusterId,
      scheduler_id: schedulerId,
      type: CANCEL_TYPE,
      payload: JSON.stringify(payload),
      send_count: 0,
      created_at_ms: atMs,
    })
    .execute();
}
