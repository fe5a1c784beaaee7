import { OrderState, nextOrderState } from '@pondhawk/jobs';
import type { CommandContext } from '../command-context.js';
import { toOutboxMessage } from '../outbox-rows.js';
import type { OutboxMessage } from '../records.js';
import type { JobRow, OrderRow } from '../tables.js';

/** A scheduler as an order names it. */
export interface OrderScheduler {
  readonly id: number;
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
}

/** Version of the order's payload. */
const ORDER_FORMAT = 1;

/** Makes an order that waits for a scheduler. @returns its id. */
export async function insertOrder(
  { db, atMs }: CommandContext,
  order: {
    readonly jobId: number;
    readonly clusterId: number;
    readonly parallelism: number;
    /** Those to account for, packed. */
    readonly hosts: string;
  },
): Promise<number> {
  const { id } = await db
    .insertInto('orders')
    .values({
      job_id: order.jobId,
      scheduler_cluster_id: order.clusterId,
      attempt: 1,
      state: OrderState.Waiting,
      parallelism: order.parallelism,
      hosts: order.hosts,
      error_code: '',
      error_message: '',
      created_at_ms: atMs,
      updated_at_ms: atMs,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** Gives a waiting order to a scheduler: the order's row and the message that goes to it. */
export async function queueOrder(
  context: CommandContext,
  {
    job,
    orderId,
    scheduler,
    schedulers,
  }: {
    readonly job: JobRow;
    readonly orderId: number;
    readonly scheduler: OrderScheduler;
    /** All that share the cluster's hosts. */
    readonly schedulers: readonly OrderScheduler[];
  },
): Promise<OutboxMessage> {
  const { db, atMs } = context;
  const order = await db
    .updateTable('orders')
    .set({
      scheduler_id: scheduler.id,
      state: nextOrderState(OrderState.Waiting, 'assign'),
      updated_at_ms: atMs,
    })
    .where('id', '=', orderId)
    .returningAll()
    .executeTakeFirstOrThrow();
  const row = await db
    .insertInto('outbox')
    .values({
      job_id: job.id,
      order_id: orderId,
      scheduler_cluster_id: order.scheduler_cluster_id,
      scheduler_id: scheduler.id,
      type: job.type,
      payload: JSON.stringify({
        format: ORDER_FORMAT,
        order_id: orderId,
        job_id: job.id,
        attempt: order.attempt,
        type: job.type,
        scheduler_cluster_id: order.scheduler_cluster_id,
        scheduler_id: scheduler.id,
        schedulers,
        args: JSON.parse(job.order_args) as unknown,
        spec: {
          timeout_ms: job.timeout_ms,
          parallelism: order.parallelism,
          failure_strategy: job.failure_strategy,
        },
        ...(await purgeOf(context, order)),
        hosts: order.hosts,
        accepted_at_ms: job.created_at_ms,
        deadline_at_ms: job.deadline_at_ms,
      }),
      send_count: 0,
      created_at_ms: atMs,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  context.changes.push({ jobId: job.id, kind: 'order-queued' });
  await context.appendEvent(job.id, 'order-queued', { orderId, schedulerId: scheduler.id });
  return toOutboxMessage(row);
}

/** The order's entry of the purge log, if it has one. */
async function purgeOf(
  { db }: CommandContext,
  order: OrderRow,
): Promise<{ readonly purge?: { readonly log_epoch: string; readonly seq: number } }> {
  const row = await db
    .selectFrom('job_clusters')
    .innerJoin(
      'purge_log_heads',
      'purge_log_heads.scheduler_cluster_id',
      'job_clusters.scheduler_cluster_id',
    )
    .select(['job_clusters.purge_seq as seq', 'purge_log_heads.epoch as log_epoch'])
    .where('job_clusters.job_id', '=', order.job_id)
    .where('job_clusters.scheduler_cluster_id', '=', order.scheduler_cluster_id)
    .executeTakeFirst();
  const { log_epoch, seq } = row ?? {};
  return log_epoch === undefined || typeof seq !== 'number' ? {} : { purge: { log_epoch, seq } };
}
