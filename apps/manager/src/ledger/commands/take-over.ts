import { type OrderState, chooseSuccessor, nextOrderState } from '@pondhawk/jobs';
import type { TakenOver } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import { loadLapsedOrders } from '../overdue-queries.js';
import type { OrderRow } from '../tables.js';
import type { HandlerOf } from './command-handler.js';
import { endCancelledOrder } from './cancel-job.js';
import { endJobIfDone, requireJob } from './end-job.js';
import { findActiveSchedulers } from './instances.js';
import { type OrderScheduler, queueOrder } from './orders.js';

/** @see LedgerCommands */
export const expireLeases: HandlerOf<'expire-leases'> = async (context, { atMs }) => {
  const active = new Map<number, readonly OrderScheduler[]>(); // By cluster.
  const takenOver: TakenOver[] = [];
  for (const order of await loadLapsedOrders(context, atMs)) {
    const clusterId = order.scheduler_cluster_id;
    const schedulers = active.get(clusterId) ?? (await findActiveSchedulers(context, clusterId));
    active.set(clusterId, schedulers);
    const job = await requireJob(context, order.job_id);
    if (job.cancelled_at_ms === null) takenOver.push(await takeOver(context, order, schedulers));
    else {
      await endCancelledOrder(context, order);
      await endJobIfDone(context, job);
    }
  }
  return { takenOver };
};

async function takeOver(
  context: CommandContext,
  order: OrderRow,
  active: readonly OrderScheduler[],
): Promise<TakenOver> {
  const formerSchedulerId = order.scheduler_id ?? undefined;
  const successor = chooseSuccessor(active, { id: order.id, formerSchedulerId });
  if (successor === undefined) await strand(context, order);
  else {
    const job = await requireJob(context, order.job_id);
    const schedulers = [successor];
    await queueOrder(context, { job, orderId: order.id, scheduler: successor, schedulers });
  }
  return {
    jobId: order.job_id,
    orderId: order.id,
    formerAttempt: order.attempt,
    formerSchedulerId,
    schedulerId: successor?.id,
  };
}

/** Nobody is there to take it over: it waits for the next scheduler that becomes active. */
async function strand(context: CommandContext, order: OrderRow): Promise<void> {
  const { db, atMs } = context;
  await db
    .updateTable('orders')
    .set({
      state: nextOrderState(order.state as OrderState, 'strand'),
      scheduler_id: null,
      lease_until_ms: null,
      updated_at_ms: atMs,
    })
    .where('id', '=', order.id)
    .execute();
  await db.deleteFrom('outbox').where('order_id', '=', order.id).execute();
  const data = { order_id: order.id, former_attempt: order.attempt };
  await context.appendEvent({ jobId: order.job_id, kind: 'order-waiting', data });
}
