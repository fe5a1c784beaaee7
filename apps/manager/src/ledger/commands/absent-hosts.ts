import { TargetOutcome } from '@pondhawk/jobs';
import {
  ABSENT_PART_CLOSED_HOSTS_MIN,
  ABSENT_PART_HOSTS_MAX,
  packList,
  unpackAbsent,
  unpackNodes,
} from '../absent-list.js';
import type { AbsentHost } from '../absent-list.js';
import type { CommandContext } from '../command-context.js';
import type { HostRecord } from '../host-record.js';
import { parseVerification } from '../job-rows.js';
import { inSets } from '../row-set.js';
import type { OrderRow, TargetRow } from '../tables.js';

/** Where a host is listed. */
export interface AbsentPlace {
  readonly orderId: number;
  readonly part: number;
}

/**
 * Whether a target has nothing to tell but that it is absent, so that no row is kept of it. That it passed
 * a verification is not told of single hosts that had nothing: the order counts them.
 */
export function isPlainAbsent(row: Omit<TargetRow, 'later'>): boolean {
  return (
    row.outcome === TargetOutcome.Absent &&
    row.code === '' &&
    row.message === '' &&
    row.held_count === 0 &&
    (parseVerification(row.verification)?.state ?? 'passed') === 'passed'
  );
}

/** Which of these nodes are listed as absent by any order of a job, and where. */
export async function findAbsent(
  { db }: CommandContext,
  jobId: number,
  nodes: readonly string[],
): Promise<ReadonlyMap<string, AbsentPlace>> {
  const places = new Map<string, AbsentPlace>();
  if (nodes.length === 0) return places;
  const wanted = new Set(nodes);
  const parts = await db
    .selectFrom('absent_hosts')
    .select(['order_id', 'part', 'nodes'])
    .where('job_id', '=', jobId)
    .execute();
  for (const row of parts) {
    for (const node of unpackNodes(row.nodes)) {
      if (wanted.has(node)) places.set(node, { orderId: row.order_id, part: row.part });
    }
  }
  return places;
}

/**
 * Lists targets that are not listed yet. A small last part is filled up first, so that small reports make
 * no more than a part for each `ABSENT_PART_CLOSED_HOSTS_MIN` hosts.
 */
export async function addAbsent(
  context: CommandContext,
  order: Pick<OrderRow, 'id' | 'job_id' | 'scheduler_cluster_id'>,
  rows: readonly Omit<TargetRow, 'later'>[],
): Promise<void> {
  if (rows.length === 0) return;
  const added = rows.map(toAbsentHost);
  const last = await loadLastPart(context, order.id);
  if (
    last !== undefined &&
    last.host_count < ABSENT_PART_CLOSED_HOSTS_MIN &&
    last.host_count + added.length <= ABSENT_PART_HOSTS_MAX
  ) {
    await replacePart(context, { orderId: order.id, part: last.part }, [
      ...unpackAbsent(last.hosts),
      ...added,
    ]);
    return;
  }
  for (const [index, hosts] of inSets(added).entries()) {
    await context.db
      .insertInto('absent_hosts')
      .values({
        order_id: order.id,
        part: (last?.part ?? 0) + 1 + index,
        job_id: order.job_id,
        scheduler_cluster_id: order.scheduler_cluster_id,
        ...packed(hosts),
      })
      .execute();
  }
}

/** Takes hosts off the lists: they had something after all, and get a row. */
export async function removeAbsent(
  context: CommandContext,
  nodes: ReadonlyMap<string, AbsentPlace>,
): Promise<void> {
  const places = new Map<string, AbsentPlace>();
  for (const place of nodes.values()) places.set(`${place.orderId}/${place.part}`, place);
  for (const place of places.values()) {
    const { hosts } = await context.db
      .selectFrom('absent_hosts')
      .select('hosts')
      .where('order_id', '=', place.orderId)
      .where('part', '=', place.part)
      .executeTakeFirstOrThrow();
    const left = unpackAbsent(hosts).filter(({ node }) => !nodes.has(node));
    await replacePart(context, place, left);
  }
}

async function loadLastPart({ db }: CommandContext, orderId: number) {
  return db
    .selectFrom('absent_hosts')
    .select(['part', 'host_count', 'hosts'])
    .where('order_id', '=', orderId)
    .orderBy('part', 'desc')
    .limit(1)
    .executeTakeFirst();
}

async function replacePart(
  { db }: CommandContext,
  { orderId, part }: AbsentPlace,
  hosts: readonly AbsentHost[],
): Promise<void> {
  await db
    .updateTable('absent_hosts')
    .set(packed(hosts))
    .where('order_id', '=', orderId)
    .where('part', '=', part)
    .execute();
}

function packed(hosts: readonly AbsentHost[]): {
  readonly host_count: number;
  readonly nodes: string;
  readonly hosts: string;
} {
  return {
    host_count: hosts.length,
    nodes: packList(hosts.map(({ node }) => node)),
    hosts: packList(hosts),
  };
}

function toAbsentHost(row: Omit<TargetRow, 'later'>): AbsentHost {
  return {
    node: row.node,
    host: JSON.parse(row.host) as HostRecord,
    attempts: row.attempts,
    started_at_ms: row.started_at_ms,
    ended_at_ms: row.ended_at_ms,
  };
}
