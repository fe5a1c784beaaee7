/** Targets that are schedulers: those of a `sync_peers`. */

import { schedulerNode, schedulerRecord } from '@pondhawk/contracts';
import { type JobType, TargetOutcome, asksHosts } from '@pondhawk/jobs';
import type { JobRow, OrderRow } from '../tables.js';
import type { TargetSetRow } from './merge-targets.js';
import type { OrderScheduler } from './orders.js';

/**
 * The scheduler that a new order was given to, if it is whom its job waits for, from its acceptance on; none while
 * the order waits for a scheduler.
 */
export function schedulerTargets(job: JobRow, order: OrderRow): readonly TargetSetRow[] {
  if (asksHosts(job.type as JobType)) return [];
  const schedulers = JSON.parse(order.schedulers) as readonly OrderScheduler[];
  const scheduler = schedulers.find(({ id }) => id === order.scheduler_id);
  if (scheduler === undefined) return [];
  const record = schedulerRecord(scheduler);
  const row: TargetSetRow = {
    ...{ job_id: job.id, node: schedulerNode(scheduler.id), order_id: order.id },
    scheduler_cluster_id: order.scheduler_cluster_id,
    ...{ host_id: record.id, host_name: record.host_name, ip: record.ip },
    host: JSON.stringify(record),
    outcome: TargetOutcome.Pending,
    ...{ try_number: 0, attempts: 0, code: '', message: '', deleted_bytes: 0 },
    ...{ started_at_ms: order.created_at_ms, ended_at_ms: null, held: null, held_count: 0 },
    verification: null,
  };
  return [row];
}
