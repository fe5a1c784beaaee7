import { unpackHosts } from '@pondhawk/contracts';
import { TargetOutcome } from '@pondhawk/jobs';
import type { CommandContext } from '../command-context.js';
import { inSets, valueSet } from '../row-set.js';
import type { OrderRow, TargetRow } from '../tables.js';
import { findAbsent } from './absent-hosts.js';

/** A node of an order that has not ended. */
export interface PendingNode {
  readonly node: string;
  readonly hostId: string;
  readonly hostName: string;
  readonly ip: string;
  /** Its record as JSON text. */
  readonly host: string;
  /** What was said of it last; empty if nothing. */
  readonly message: string;
  readonly attempts: number;
  readonly startedAtMs: number;
}

/**
 * The nodes of an order that have not ended, whether a report has named them yet or not. Unpacks the
 * hosts of the order: some ten milliseconds for ten thousand.
 */
export async function loadPendingNodes(
  context: CommandContext,
  order: OrderRow,
): Promise<readonly PendingNode[]> {
  const { db, dialect } = context;
  const rows = await db
    .selectFrom('targets')
    .selectAll()
    .where('order_id', '=', order.id)
    .where('outcome', '=', TargetOutcome.Pending)
    .execute();
  const known = new Set(rows.map(({ node }) => node));
  const unnamed = unpackHosts(order.hosts).filter(({ id }) => !known.has(`host:${id}`));
  const ended = new Set<string>();
  for (const set of inSets(unnamed.map(({ id }) => `host:${id}`))) {
    const kept = await db
      .selectFrom('targets')
      .select('node')
      .where('job_id', '=', order.job_id)
      .where('node', 'in', valueSet<string>(dialect, set))
      .execute();
    for (const { node } of kept) ended.add(node);
    const left = set.filter((node) => !ended.has(node));
    for (const node of (await findAbsent(context, order.job_id, left)).keys()) ended.add(node);
  }
  const untold = unnamed
    .filter(({ id }) => !ended.has(`host:${id}`))
    .map((host) => ({
      node: `host:${host.id}`,
      hostId: host.id,
      hostName: host.host_name,
      ip: host.ip,
      host: JSON.stringify(host),
      message: '',
      attempts: 0,
      startedAtMs: order.created_at_ms,
    }));
  return [...rows.map(fromRow), ...untold];
}

function fromRow(row: TargetRow): PendingNode {
  return {
    node: row.node,
    hostId: row.host_id,
    hostName: row.host_name,
    ip: row.ip,
    host: row.host,
    message: row.message,
    attempts: row.attempts,
    startedAtMs: row.started_at_ms,
  };
}
