import { NotFoundError } from '@pondhawk/core';
import { OrderState } from '@pondhawk/jobs';
import type { KeepAlive } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import { activeUntilMs } from '../liveness.js';
import type { OutboxMessage } from '../records.js';
import { clusterNotFound, requireSchedulerCluster } from './cluster-refusals.js';
import type { HandlerOf } from './command-handler.js';
import { type OrderScheduler, queueOrder } from './orders.js';

/** @see LedgerCommands */
export const upsertScheduler: HandlerOf<'upsert-scheduler'> = async ({ db }, input) => {
  await requireSchedulerCluster(db, input.clusterId);
  const facts = {
    port: input.port,
    idc: input.idc,
    location: input.location,
    features: JSON.stringify(input.features),
    keep_alive_interval_ms: input.keepAliveIntervalMs,
    updated_at_ms: input.atMs,
    removed_at_ms: null, // Who registers is there, whatever was thought of him.
  };
  return db
    .insertInto('schedulers')
    .values({
      scheduler_cluster_id: input.clusterId,
      host_name: input.hostName,
      ip: input.ip,
      last_keep_alive_at_ms: 0,
      created_at_ms: input.atMs,
      ...facts,
    })
    .onConflict((conflict) =>
      conflict.columns(['scheduler_cluster_id', 'host_name', 'ip']).doUpdateSet(facts),
    )
    .returning('id')
    .executeTakeFirstOrThrow();
};

/** @see LedgerCommands */
export const upsertSeedPeer: HandlerOf<'upsert-seed-peer'> = async ({ db }, input) => {
  const user = await db
    .selectFrom('scheduler_clusters')
    .select('id')
    .where('seed_peer_cluster_id', '=', input.clusterId)
    .executeTakeFirst();
  if (user === undefined) throw clusterNotFound(input.clusterId, 'cluster_id');
  const facts = {
    type: input.type,
    port: input.port,
    download_port: input.downloadPort,
    idc: input.idc,
    location: input.location,
    keep_alive_interval_ms: input.keepAliveIntervalMs,
    updated_at_ms: input.atMs,
  };
  return db
    .insertInto('seed_peers')
    .values({
      seed_peer_cluster_id: input.clusterId,
      host_name: input.hostName,
      ip: input.ip,
      last_keep_alive_at_ms: 0,
      created_at_ms: input.atMs,
      ...facts,
    })
    .onConflict((conflict) =>
      conflict.columns(['seed_peer_cluster_id', 'host_name', 'ip']).doUpdateSet(facts),
    )
    .returning('id')
    .executeTakeFirstOrThrow();
};

/** @see LedgerCommands */
export const keepAlive: HandlerOf<'keep-alive'> = async (context, input) => {
  if (input.source === 'scheduler') return keepSchedulerAlive(context, input);
  const seedPeer = await context.db
    .updateTable('seed_peers')
    .set({ last_keep_alive_at_ms: input.atMs })
    .where('seed_peer_cluster_id', '=', input.clusterId)
    .where('host_name', '=', input.hostName)
    .where('ip', '=', input.ip)
    .returning('id')
    .executeTakeFirst();
  return { id: requireRegistered(seedPeer, input).id, messages: [] };
};

/** Schedulers of a cluster that an order may go to, by id. */
export async function findActiveSchedulers(
  { db, atMs }: CommandContext,
  clusterId: number,
): Promise<OrderScheduler[]> {
  return db
    .selectFrom('schedulers')
    .select(['id', 'host_name as hostname', 'ip', 'port'])
    .where('scheduler_cluster_id', '=', clusterId)
    .where('removed_at_ms', 'is', null)
    .where(activeUntilMs, '>', atMs)
    .orderBy('id')
    .execute();
}

async function keepSchedulerAlive(
  context: CommandContext,
  input: KeepAlive,
): Promise<{ readonly id: number; readonly messages: readonly OutboxMessage[] }> {
  const row = await context.db
    .updateTable('schedulers')
    .set({ last_keep_alive_at_ms: input.atMs })
    .where('scheduler_cluster_id', '=', input.clusterId)
    .where('host_name', '=', input.hostName)
    .where('ip', '=', input.ip)
    .where('removed_at_ms', 'is', null)
    .returning(['id', 'host_name as hostname', 'ip', 'port'])
    .executeTakeFirst();
  const scheduler = requireRegistered(row, input);
  return { id: scheduler.id, messages: await assignWaitingOrders(context, input, scheduler) };
}

/** Orders that were accepted while the cluster had no active scheduler go to the first that becomes one. */
async function assignWaitingOrders(
  context: CommandContext,
  { clusterId }: KeepAlive,
  scheduler: OrderScheduler,
): Promise<OutboxMessage[]> {
  const orders = await context.db
    .selectFrom('orders')
    .select(['id', 'job_id'])
    .where('state', '=', OrderState.Waiting)
    .where('scheduler_cluster_id', '=', clusterId)
    .orderBy('id')
    .execute();
  const messages: OutboxMessage[] = [];
  for (const { id, job_id } of orders) {
    const job = await context.db
      .selectFrom('jobs')
      .selectAll()
      .where('id', '=', job_id)
      .executeTakeFirstOrThrow();
    messages.push(
      await queueOrder(context, { job, orderId: id, scheduler, schedulers: [scheduler] }),
    );
  }
  return messages;
}

function requireRegistered<T>(row: T | undefined, { hostName, source }: KeepAlive): T {
  if (row !== undefined) return row;
  throw new NotFoundError(
    'INSTANCE_NOT_REGISTERED',
    `No ${source} "${hostName}" is registered; register before the first keepalive.`,
  );
}
