import { packHosts, unpackHosts } from '@pondhawk/contracts';
import {
  JobType,
  NO_REPORT,
  OrderState,
  type ReportPlace,
  TargetOutcome,
  nextOrderState,
} from '@pondhawk/jobs';
import type { CommandContext } from '../command-context.js';
import { toOutboxMessage } from '../outbox-rows.js';
import type { OutboxMessage } from '../records.js';
import type { JobRow, OrderRow } from '../tables.js';
import type { LoggedPurge } from './purges.js';

/** A scheduler as an order names it. */
export interface OrderScheduler {
  readonly id: number;
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
}

/** Version of the payloads for schedulers. */
export const ORDER_FORMAT = 1;

/** Makes an order that waits for a scheduler. @returns its id. */
export async function insertOrder(
  { db, atMs }: CommandContext,
  order: {
    readonly jobId: number;
    readonly clusterId: number;
    readonly parallelism: number;
    /** Those to account for, packed. */
    readonly hosts: string;
    /** No other hosts are meant. Default: whoever the scheduler knows besides is meant as well. */
    readonly isOnlyNamed?: boolean;
  },
): Promise<number> {
  const { id } = await db
    .insertInto('orders')
    .values({
      job_id: order.jobId,
      scheduler_cluster_id: order.clusterId,
      attempt: 0,
      state: OrderState.Waiting,
      parallelism: order.parallelism,
      hosts: order.hosts,
      only_named: order.isOnlyNamed === true ? 1 : 0,
      error_code: '',
      error_message: '',
      created_at_ms: atMs,
      updated_at_ms: atMs,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** Who gets an order, and who shares the cluster's hosts with it. */
export interface OrderAssignment {
  readonly job: JobRow;
  readonly orderId: number;
  readonly scheduler: OrderScheduler;
  /** All that share; only the first assignment of an order decides it. */
  readonly schedulers: readonly OrderScheduler[];
}

/**
 * Gives an order to a scheduler under the next attempt: the order's row and the message that goes to
 * it. What a former attempt was sent with is sent no more, and its reports are refused from now on.
 */
export async function queueOrder(
  context: CommandContext,
  { job, orderId, scheduler, schedulers }: OrderAssignment,
): Promise<OutboxMessage> {
  const { db, atMs } = context;
  const former = await requireOrder(context, orderId);
  const order = await db
    .updateTable('orders')
    .set({
      ...(former.attempt === 0
        ? { schedulers: JSON.stringify(schedulers), home_scheduler_id: scheduler.id }
        : { hosts: await hostsToAccountFor(context, former) }),
      attempt: former.attempt + 1,
      ...toPlaceColumns(NO_REPORT),
      scheduler_id: scheduler.id,
      lease_until_ms: null,
      state: nextOrderState(former.state as OrderState, 'assign'),
      updated_at_ms: atMs,
    })
    .where('id', '=', orderId)
    .returningAll()
    .executeTakeFirstOrThrow();
  await db.deleteFrom('outbox').where('order_id', '=', orderId).execute();
  const row = await db
    .insertInto('outbox')
    .values({
      job_id: job.id,
      order_id: orderId,
      scheduler_cluster_id: order.scheduler_cluster_id,
      scheduler_id: scheduler.id,
      type: job.type,
      payload: JSON.stringify(
        orderPayload({
          job,
          order,
          schedulerId: scheduler.id,
          purge: await findPurge(context, order),
        }),
      ),
      send_count: 0,
      created_at_ms: atMs,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const data = { order_id: orderId, scheduler_id: scheduler.id, attempt: order.attempt };
  await context.appendEvent({ jobId: job.id, kind: 'order-queued', data });
  return toOutboxMessage(row);
}

/** A report's place as the order's row keeps it. */
export function toPlaceColumns({
  runStartedAtMs,
  number,
}: ReportPlace): Pick<OrderRow, 'report_run_at_ms' | 'report_number'> {
  return { report_run_at_ms: runStartedAtMs, report_number: number };
}

/** The order's row. */
export async function requireOrder({ db }: CommandContext, orderId: number): Promise<OrderRow> {
  return db.selectFrom('orders').selectAll().where('id', '=', orderId).executeTakeFirstOrThrow();
}

/** Targets for which nobody reports any more: their order has failed. @returns how many. */
export async function failPendingTargets(
  { db, atMs }: CommandContext,
  orderIds: readonly number[],
  reason: { readonly code: string; readonly message: string },
): Promise<number> {
  if (orderIds.length === 0) return 0;
  const failed = await db
    .updateTable('targets')
    .set({ outcome: TargetOutcome.Failed, ...reason, ended_at_ms: atMs })
    .where('order_id', 'in', orderIds)
    .where('outcome', '=', TargetOutcome.Pending)
    .executeTakeFirst();
  return Number(failed.numUpdatedRows);
}

/** What goes to the scheduler; the contract is `OrderPayload`. */
export function orderPayload({
  job,
  order,
  schedulerId,
  purge,
}: {
  readonly job: JobRow;
  readonly order: OrderRow;
  readonly schedulerId: number;
  /** With deletes. */
  readonly purge: Pick<LoggedPurge, 'epoch' | 'seq'> | undefined;
}): object {
  return {
    format: ORDER_FORMAT,
    order_id: order.id,
    job_id: job.id,
    attempt: order.attempt,
    type: job.type,
    scheduler_cluster_id: order.scheduler_cluster_id,
    scheduler_id: schedulerId,
    home_scheduler_id: order.home_scheduler_id ?? schedulerId,
    schedulers: JSON.parse(order.schedulers) as unknown,
    args: argsOf(job),
    spec: {
      timeout_ms: job.timeout_ms,
      parallelism: order.parallelism,
      failure_strategy: job.failure_strategy,
    },
    ...(purge === undefined ? {} : { purge: { log_epoch: purge.epoch, seq: purge.seq } }),
    hosts: order.hosts,
    ...(order.only_named === 0 ? {} : { only_named: true }),
    accepted_at_ms: job.created_at_ms,
    deadline_at_ms: job.deadline_at_ms,
  };
}

/** Of a preheat only what it takes to ask for the rest, which may be secret. */
function argsOf({ type, order_args }: JobRow): unknown {
  const args = JSON.parse(order_args) as Readonly<Record<string, unknown>>;
  return type === JobType.Preheat ? { ticket: args['ticket'] } : args;
}

/** Those named from the start, and those that a former attempt found besides and left pending. A scheduler is no host. */
async function hostsToAccountFor({ db }: CommandContext, order: OrderRow): Promise<string> {
  const pending = await db
    .selectFrom('targets')
    .select(['host_id', 'host'])
    .where('order_id', '=', order.id)
    .where('node', 'like', 'host:%')
    .where('outcome', '=', TargetOutcome.Pending)
    .execute();
  if (pending.length === 0) return order.hosts;
  const records = new Map(pending.map(({ host_id, host }) => [host_id, host]));
  for (const host of unpackHosts(order.hosts)) records.set(host.id, JSON.stringify(host));
  return packHosts([...records.values()]);
}

/** The order's entry of the purge log, if it has one. */
async function findPurge(
  { db }: CommandContext,
  order: OrderRow,
): Promise<Pick<LoggedPurge, 'epoch' | 'seq'> | undefined> {
  const row = await db
    .selectFrom('job_clusters')
    .innerJoin(
      'purge_log_heads',
      'purge_log_heads.scheduler_cluster_id',
      'job_clusters.scheduler_cluster_id',
    )
    .select(['job_clusters.purge_seq as seq', 'purge_log_heads.epoch'])
    .where('job_clusters.job_id', '=', order.job_id)
    .where('job_clusters.scheduler_cluster_id', '=', order.scheduler_cluster_id)
    .executeTakeFirst();
  const { epoch, seq } = row ?? {};
  return epoch === undefined || typeof seq !== 'number' ? undefined : { epoch, seq };
}
