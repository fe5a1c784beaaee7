/**
 * Orders of preheats. Each cluster's part has one order, for one scheduler, and begins once no job that
 * works on one of its tasks there stands before it: a delete, or a preheat that was accepted earlier.
 */

import { packHosts } from '@pondhawk/contracts';
import { chooseByRendezvous } from '@pondhawk/core';
import {
  OrderState,
  choosePreheatHosts,
  JobType,
  nextOrderState,
  taskLockPath,
  type PreheatHost,
} from '@pondhawk/jobs';
import type { PreheatOrderArgs } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import { activeUntilMs } from '../liveness.js';
import type { OutboxMessage } from '../records.js';
import { inSets, valueSet } from '../row-set.js';
import type { JobRow } from '../tables.js';
import type { JobPart } from './accepted-orders.js';
import { takeLocks } from './locks.js';
import { type OrderScheduler, insertOrder, queueOrder } from './orders.js';

/** One cluster's part of a preheat. */
interface PreheatPart {
  readonly job: JobRow;
  readonly clusterId: number;
}

/** Orders what is being accepted of preheats, one part after another: each may wait for the one before. */
export async function insertPreheatOrders(parts: readonly JobPart[]): Promise<void> {
  for (const { context, job, cluster, orders } of parts) {
    const messages = await acceptPreheat(context, { job, clusterId: cluster.id });
    const rows = await context.db
      .selectFrom('orders')
      .selectAll()
      .where('job_id', '=', job.id)
      .where('scheduler_cluster_id', '=', cluster.id)
      .execute();
    for (const row of rows) {
      const message = messages.find(({ orderId }) => orderId === row.id);
      orders.push({ row, ...(message === undefined ? {} : { message }) });
    }
  }
}

/** Takes the locks of one cluster's part, and orders it or leaves it blocked. */
export async function acceptPreheat(
  context: CommandContext,
  part: PreheatPart,
): Promise<OutboxMessage[]> {
  const { job, clusterId } = part;
  await takeLocks(context, job.id, lockPathsOf(part));
  const order = { jobId: job.id, clusterId, parallelism: job.parallelism, hosts: '' };
  const orderId = await insertOrder(context, { ...order, isOnlyNamed: true });
  const blockerId = await findBlocker(context, part);
  if (blockerId === undefined) return assign(context, part, orderId);
  await setState(context, orderId, OrderState.Blocked);
  const data = { order_id: orderId, blocked_by: blockerId };
  await context.appendEvent({ jobId: job.id, kind: 'order-waiting', data });
  return [];
}

/** Begins what waited for a job that has ended, and for no other. @param paths what that job had locked. */
export async function releaseBlocked(
  context: CommandContext,
  paths: readonly string[],
): Promise<void> {
  const { db, dialect } = context;
  const blocked = new Map<number, { readonly jobId: number; readonly clusterId: number }>();
  for (const set of inSets(paths)) {
    const rows = await db
      .selectFrom('locks')
      .innerJoin('orders', 'orders.job_id', 'locks.job_id')
      .select(['orders.id', 'orders.job_id', 'orders.scheduler_cluster_id'])
      .where('locks.path', 'in', valueSet<string>(dialect, set))
      .where('orders.state', '=', OrderState.Blocked)
      .execute();
    for (const { id, job_id: jobId, scheduler_cluster_id: clusterId } of rows) {
      blocked.set(id, { jobId, clusterId });
    }
  }
  for (const [orderId, { jobId, clusterId }] of [...blocked].sort(([a], [b]) => a - b)) {
    const part = { job: await requireJobRow(context, jobId), clusterId };
    if ((await findBlocker(context, part)) === undefined) await assign(context, part, orderId);
  }
}

/** A job that stands before this one. Deletes wait for nobody, so also a later one does. */
async function findBlocker(
  { db, dialect }: CommandContext,
  part: PreheatPart,
): Promise<number | undefined> {
  const { id } = part.job;
  const row = await db
    .selectFrom('locks')
    .innerJoin('jobs', 'jobs.id', 'locks.job_id')
    .select('jobs.id')
    .where('locks.path', 'in', valueSet<string>(dialect, lockPathsOf(part)))
    .where('jobs.id', '!=', id)
    .where((eb) => eb.or([eb('jobs.type', '=', JobType.DeleteTask), eb('jobs.id', '<', id)]))
    .orderBy('jobs.id')
    .limit(1)
    .executeTakeFirst();
  return row?.id;
}

/** Chooses the hosts as they are now. Without an active scheduler the order waits for one. */
async function assign(
  context: CommandContext,
  { job, clusterId }: PreheatPart,
  orderId: number,
): Promise<OutboxMessage[]> {
  const connected = await loadConnected(context, clusterId);
  const args = orderArgsOf(job);
  const chosen = choosePreheatHosts(connected, args, args.task_ids);
  await context.db
    .updateTable('orders')
    .set({ hosts: packHosts(chosen.map(({ record }) => record)) })
    .where('id', '=', orderId)
    .execute();
  const scheduler = await findScheduler(context, clusterId, job.id);
  if (scheduler === undefined) {
    await setState(context, orderId, nextOrderState(OrderState.Blocked, 'strand'));
    return [];
  }
  return [await queueOrder(context, { job, orderId, scheduler, schedulers: [scheduler] })];
}

async function loadConnected(
  { db }: CommandContext,
  clusterId: number,
): Promise<readonly (PreheatHost & { readonly record: string })[]> {
  const rows = await db
    .selectFrom('peers')
    .select(['host_id', 'ip', 'host'])
    .where('scheduler_cluster_id', '=', clusterId)
    .where('has_left', '=', 0)
    .where('connection_id', 'is not', null)
    .where('lost_at_ms', 'is', null)
    .orderBy('host_id')
    .execute();
  return rows.map(({ host_id: id, ip, host: record }) => {
    const { type } = JSON.parse(record) as { readonly type: string };
    return { id, ip, type, record };
  });
}

/** One that an operator lets preheat; if none is, any. */
async function findScheduler(
  { db, atMs }: CommandContext,
  clusterId: number,
  jobId: number,
): Promise<OrderScheduler | undefined> {
  const rows = await db
    .selectFrom('schedulers')
    .select(['id', 'host_name as hostname', 'ip', 'port', 'features', 'chosen_features'])
    .where('scheduler_cluster_id', '=', clusterId)
    .where('removed_at_ms', 'is', null)
    .where(activeUntilMs, '>', atMs)
    .orderBy('id')
    .execute();
  const preheating = rows.filter(({ features, chosen_features }) =>
    (JSON.parse(chosen_features ?? features) as readonly string[]).includes('preheat'),
  );
  const candidates = preheating.length > 0 ? preheating : rows;
  if (candidates.length === 0) return undefined;
  const { id, hostname, ip, port } = chooseByRendezvous(candidates, String(jobId));
  return { id, hostname, ip, port };
}

function lockPathsOf({ job, clusterId }: PreheatPart): string[] {
  return orderArgsOf(job).task_ids.map((taskId) => taskLockPath(clusterId, taskId));
}

function orderArgsOf({ order_args }: JobRow): PreheatOrderArgs {
  return JSON.parse(order_args) as PreheatOrderArgs;
}

async function setState(
  { db, atMs }: CommandContext,
  orderId: number,
  state: OrderState,
): Promise<void> {
  await db
    .updateTable('orders')
    .set({ state, updated_at_ms: atMs })
    .where('id', '=', orderId)
    .execute();
}

/** The job's row. */
export async function requireJobRow({ db }: CommandContext, jobId: number): Promise<JobRow> {
  return db.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirstOrThrow();
}
