import { packHosts, unpackHosts } from '@pondhawk/contracts';
import type { CommandContext } from '../command-context.js';
import type { OrderRow } from '../tables.js';

/** A host that has nothing of the task. */
export interface AbsentHost {
  readonly node: string;
  /** Its record as JSON. */
  readonly host: string;
}

/** Nodes that stand in the lists of a job. */
export async function loadAbsentNodes(
  { db }: CommandContext,
  jobId: number,
): Promise<ReadonlySet<string>> {
  const parts = await db
    .selectFrom('absent_hosts')
    .select('nodes')
    .where('job_id', '=', jobId)
    .execute();
  return new Set(parts.flatMap(({ nodes }) => nodes.split('\n')));
}

/** Appends a part to the list of an order. */
export async function listAbsent(
  { db, atMs }: CommandContext,
  order: OrderRow,
  absent: readonly AbsentHost[],
): Promise<void> {
  if (absent.length === 0) return;
  const { part } = await db
    .selectFrom('absent_hosts')
    .select(({ fn }) => fn.max<number | null>('part').as('part'))
    .where('order_id', '=', order.id)
    .executeTakeFirstOrThrow();
  await db
    .insertInto('absent_hosts')
    .values({
      order_id: order.id,
      part: (part ?? 0) + 1,
      job_id: order.job_id,
      scheduler_cluster_id: order.scheduler_cluster_id,
      ...packed(absent),
      at_ms: atMs,
    })
    .execute();
}

/** Takes nodes out of the lists of a job: something better is known of them now. */
export async function unlistAbsent(
  { db }: CommandContext,
  jobId: number,
  gone: ReadonlySet<string>,
): Promise<void> {
  if (gone.size === 0) return;
  const parts = await db
    .selectFrom('absent_hosts')
    .select(['order_id', 'part', 'nodes', 'hosts'])
    .where('job_id', '=', jobId)
    .execute();
  for (const { order_id, part, nodes, hosts } of parts) {
    const all = nodes.split('\n');
    if (!all.some((node) => gone.has(node))) continue;
    const records = unpackHosts(hosts);
    const left = all.flatMap((node, index) =>
      gone.has(node) ? [] : [{ node, host: JSON.stringify(records[index]) }],
    );
    if (left.length === 0) {
      await db
        .deleteFrom('absent_hosts')
        .where('order_id', '=', order_id)
        .where('part', '=', part)
        .execute();
    } else {
      await db
        .updateTable('absent_hosts')
        .set(packed(left))
        .where('order_id', '=', order_id)
        .where('part', '=', part)
        .execute();
    }
  }
}

function packed(absent: readonly AbsentHost[]): {
  host_count: number;
  nodes: string;
  hosts: string;
} {
  return {
    host_count: absent.length,
    nodes: absent.map(({ node }) => node).join('\n'),
    hosts: packHosts(absent.map(({ host }) => host)),
  };
}
