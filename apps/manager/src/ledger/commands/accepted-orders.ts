/** The orders of jobs that are being accepted, with what goes to schedulers. */

import { packHosts } from '@pondhawk/contracts';
import { chooseByRendezvous } from '@pondhawk/core';
import { NO_REPORT, OrderState, TargetOutcome, splitParallelism } from '@pondhawk/jobs';
import type { CommandContext, CommandParts, NewEvent } from '../command-context.js';
import type { HostRecord } from '../host-record.js';
import { insertReturning } from '../insert-rows.js';
import { toOutboxMessage } from '../outbox-rows.js';
import type { OutboxMessage } from '../records.js';
import type { JobRow, OrderRow, OutboxRow } from '../tables.js';
import { findActiveSchedulers } from './instances.js';
import { type TargetSetRow, writeTargets } from './merge-targets.js';
import { type OrderScheduler, orderPayload, toPlaceColumns } from './orders.js';
import type { PurgeTargets } from './purge-targets.js';
import { schedulerTargets } from './scheduler-targets.js';
import type { LoggedPurge } from './purges.js';

/** One cluster's part of a job that is being accepted. */
export interface JobPart {
  readonly context: CommandContext;
  readonly job: JobRow;
  readonly cluster: { readonly id: number; readonly name: string };
  readonly targets: Pick<PurgeTargets, 'hosts' | 'superseded'> &
    /** With deletes. */
    Partial<Pick<PurgeTargets, 'pending' | 'finality'>>;
  /** With deletes. */
  readonly purge?: LoggedPurge;
  /** Filled when they are written. */
  readonly orders: AcceptedOrder[];
}

/** An order that was written. */
export interface AcceptedOrder {
  readonly row: OrderRow;
  /** What goes to its scheduler, and the event that says so; none while it waits for one. */
  readonly message?: OutboxMessage;
  readonly queued?: NewEvent;
}

/** An order to write. */
interface Draft {
  readonly part: JobPart;
  readonly row: Omit<OrderRow, 'id'>;
  /** The scheduler's place among those of the cluster. */
  readonly index: number;
}

/** A cluster's hosts by their homes; packed once for all jobs that mean the same hosts. */
interface Shares {
  readonly schedulers: readonly OrderScheduler[];
  /** One for each scheduler; without any, one. */
  readonly packed: readonly string[];
}

/** One order for each active scheduler of each part; without any, one that waits for a scheduler. */
export async function insertAcceptedOrders(
  common: CommandParts,
  parts: readonly JobPart[],
): Promise<void> {
  const shares = await loadShares(parts);
  const drafts = parts.flatMap((part) => draftsOf(part, shares.get(part.targets)));
  const rows = drafts.map(({ row }) => row);
  const inserted = await insertReturning(common, 'orders', { rows, returning: ORDER_KEY });
  const ids = new Map(inserted.map((row) => [keyOf(row), row.id]));
  const orders = drafts.map(({ part, row, index }) => ({
    ...{ part, index },
    row: { ...row, id: ids.get(keyOf(row)) as number },
  }));
  await insertWaitedFor(common, orders);
  await insertMessages(common, orders);
}

const ORDER_KEY = ['id', 'job_id', 'scheduler_cluster_id', 'home_scheduler_id'] as const;

function keyOf(row: Pick<OrderRow, Exclude<(typeof ORDER_KEY)[number], 'id'>>): string {
  return `${row.job_id}/${row.scheduler_cluster_id}/${row.home_scheduler_id ?? ''}`;
}

async function loadShares(parts: readonly JobPart[]): Promise<ReadonlyMap<object, Shares>> {
  const byCluster = new Map<number, readonly OrderScheduler[]>();
  const shares = new Map<object, Shares>();
  for (const { context, cluster, targets } of parts) {
    if (shares.has(targets)) continue;
    const schedulers =
      byCluster.get(cluster.id) ?? (await findActiveSchedulers(context, cluster.id));
    byCluster.set(cluster.id, schedulers);
    shares.set(targets, { schedulers, packed: packShares(targets.hosts, schedulers) });
  }
  return shares;
}

function draftsOf(part: JobPart, shares: Shares | undefined): Draft[] {
  const { schedulers = [], packed = [] } = shares ?? {};
  const { parallelism } = part.job;
  if (schedulers.length === 0) {
    return [{ part, row: waitingRow(part, parallelism, packed[0] ?? ''), index: 0 }];
  }
  const parallelisms = splitParallelism(parallelism, schedulers.length);
  const all = JSON.stringify(schedulers);
  return schedulers.map(({ id }, index) => ({
    part,
    row: {
      ...waitingRow(part, parallelisms[index] ?? 1, packed[index] ?? ''),
      ...{ state: OrderState.Queued, attempt: 1 },
      ...{ scheduler_id: id, home_scheduler_id: id, schedulers: all },
    },
    index,
  }));
}

function waitingRow(
  { context: { atMs }, job, cluster }: JobPart,
  parallelism: number,
  hosts: string,
): Omit<OrderRow, 'id'> {
  return {
    ...{ job_id: job.id, scheduler_cluster_id: cluster.id, parallelism, hosts, only_named: 0 },
    ...{ state: OrderState.Waiting, attempt: 0, lease_until_ms: null },
    ...{ scheduler_id: null, home_scheduler_id: null, schedulers: '[]' },
    ...{ error_code: '', error_message: '' },
    ...{ has_fenced: 0, verification: null, ...toPlaceColumns(NO_REPORT) },
    ...{ created_at_ms: atMs, updated_at_ms: atMs },
  };
}

type WrittenOrder = Omit<Draft, 'row'> & { readonly row: OrderRow };

/**
 * Whoever is waited for before anybody has reported: schedulers whose own answer it is, and daemons that nobody
 * can ask, these by the first order of the part.
 */
async function insertWaitedFor(
  common: CommandParts,
  orders: readonly WrittenOrder[],
): Promise<void> {
  const rows = orders
    .filter(({ index }) => index === 0)
    .flatMap(({ part, row }) =>
      part.targets.superseded.map((target) => supersededRow(part, row, target)),
    );
  const schedulers = orders.flatMap(({ part, row }) => schedulerTargets(part.job, row));
  await writeTargets(common, [...rows, ...schedulers]);
}

function supersededRow(
  { context, job, cluster }: JobPart,
  order: OrderRow,
  { id, host, node }: PurgeTargets['superseded'][number],
): TargetSetRow {
  const { host_name, ip } = JSON.parse(host) as HostRecord;
  return {
    ...{ job_id: job.id, node, scheduler_cluster_id: cluster.id, order_id: order.id },
    ...{ host_id: id, host_name, ip, host },
    outcome: TargetOutcome.Pending,
    ...{ try_number: 0, attempts: 0, code: '', message: '', deleted_bytes: 0 },
    ...{ started_at_ms: context.atMs, ended_at_ms: null, held: null, held_count: 0 },
    verification: null,
  };
}

async function insertMessages(
  common: CommandParts,
  orders: readonly WrittenOrder[],
): Promise<void> {
  const rows = orders.flatMap(({ part, row }) => messageRow(part, row) ?? []);
  const inserted = await insertReturning(common, 'outbox', {
    rows,
    returning: ['id', 'order_id'],
  });
  const ids = new Map(inserted.map(({ id, order_id }) => [order_id, id]));
  const messages = new Map(rows.map((row) => [row.order_id, row]));
  for (const { part, row } of orders) {
    const message = messages.get(row.id);
    if (message === undefined) part.orders.push({ row });
    else {
      const data = { order_id: row.id, scheduler_id: row.scheduler_id, attempt: row.attempt };
      part.orders.push({
        row,
        message: toOutboxMessage({ ...message, id: ids.get(row.id) as number }),
        queued: { jobId: row.job_id, kind: 'order-queued', data },
      });
    }
  }
}

function messageRow(
  { context, job, purge }: JobPart,
  order: OrderRow,
): Omit<OutboxRow, 'id'> | undefined {
  const { scheduler_id: schedulerId } = order;
  if (schedulerId === null) return undefined;
  return {
    job_id: job.id,
    order_id: order.id,
    scheduler_cluster_id: order.scheduler_cluster_id,
    scheduler_id: schedulerId,
    type: job.type,
    payload: JSON.stringify(orderPayload({ job, order, schedulerId, purge })),
    send_count: 0,
    created_at_ms: context.atMs,
    sent_at_ms: null,
  };
}

/** The records of the hosts that each scheduler is home of. */
function packShares(
  hosts: PurgeTargets['hosts'],
  schedulers: readonly OrderScheduler[],
): readonly string[] {
  if (schedulers.length === 0) return [packHosts(hosts.map(({ host }) => host))];
  const homes = new Map<number, string[]>();
  for (const { id, host } of hosts) {
    const home = chooseByRendezvous(schedulers, id).id;
    const records = homes.get(home) ?? [];
    records.push(host);
    homes.set(home, records);
  }
  return schedulers.map(({ id }) => packHosts(homes.get(id) ?? []));
}
