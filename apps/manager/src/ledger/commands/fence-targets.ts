import { type JobPhase, TargetOutcome, isJobEnded } from '@pondhawk/jobs';
import type { DaemonIdentity } from '@pondhawk/purge';
import type { CommandContext } from '../command-context.js';
import { type HostRecord, namesDaemon } from '../host-record.js';
import { valueSet } from '../row-set.js';
import type { JobRow, OrderRow } from '../tables.js';
import type { HandlerOf } from './command-handler.js';
import { endJobIfDone } from './end-job.js';
import { type TargetSetRow, writeTargets } from './merge-targets.js';
import { type PendingNode, loadPendingNodes } from './pending-nodes.js';
import { appendTargetsChanged } from './progress.js';
import { findMarked } from './waivers.js';

const MS_PER_SECOND = 1_000;

/** @see LedgerCommands */
export const fenceTargets: HandlerOf<'fence-targets'> = async (context, input) => {
  const { jobId, clusterId, nodes } = input;
  const job = await context.db
    .selectFrom('jobs')
    .selectAll()
    .where('id', '=', jobId)
    .executeTakeFirst();
  if (job === undefined || isJobEnded(job.phase as JobPhase)) {
    context.afterCommit.push(() => context.leases.watch.end(jobId));
    return { fencedCount: 0 };
  }
  const orders = await context.db
    .selectFrom('orders')
    .selectAll()
    .where('job_id', '=', jobId)
    .where('scheduler_cluster_id', '=', clusterId)
    .execute();
  const chosen = nodes === undefined ? undefined : new Set(nodes);
  let fencedCount = 0;
  for (const order of orders) {
    const count = await fenceOrder(context, { job, order, chosen });
    if (count > 0) await appendTargetsChanged(context, job, order.id);
    fencedCount += count;
  }
  return { fencedCount, ended: await endJobIfDone(context, job) };
};

async function fenceOrder(
  context: CommandContext,
  {
    job,
    order,
    chosen,
  }: {
    readonly job: JobRow;
    readonly order: OrderRow;
    readonly chosen: ReadonlySet<string> | undefined;
  },
): Promise<number> {
  await context.db
    .updateTable('orders')
    .set({ has_fenced: 1 })
    .where('id', '=', order.id)
    .execute();
  const pending = await loadPendingNodes(context, order);
  const named = pending.filter(({ node }) => chosen?.has(node) ?? true);
  const foreign = await findForeign(context, order.scheduler_cluster_id, named);
  const marked = await findMarked(context, order.scheduler_cluster_id, named.map(daemonOf));
  const serving = new Set([...marked].map(({ node }) => node));
  const fenced = named.filter(
    ({ node, host, hostId }) => !serving.has(node) && (namesDaemon(host) || !foreign.has(hostId)),
  );
  await writeTargets(
    context,
    fenced.map((node) => fencedRow(context, { job, order, node })),
  );
  // The watch has no more to say of those that cannot be fenced.
  const ended = named.map(({ node }) => node);
  context.afterCommit.push(() =>
    context.leases.watch.note(job.id, order.scheduler_cluster_id, { ended, pending: [] }),
  );
  return fenced.length;
}

/** Who is meant by a node, as its record says. */
function daemonOf({ node, hostId, host }: PendingNode): DaemonIdentity & { readonly node: string } {
  const { incarnation = '', folder_lock: lock = '' } = JSON.parse(host) as HostRecord;
  return { node, hostId, incarnation, lock };
}

/** A daemon that knows no leases may serve whatever it has: it is never fenced. */
async function findForeign(
  { db, dialect }: CommandContext,
  clusterId: number,
  nodes: readonly PendingNode[],
): Promise<ReadonlySet<string>> {
  // One whose record names a start of the daemon took leases, whoever has its id by now.
  const ids = nodes.filter(({ host }) => !namesDaemon(host)).map(({ hostId }) => hostId);
  if (ids.length === 0) return new Set();
  const rows = await db
    .selectFrom('peers')
    .select('host_id')
    .where('scheduler_cluster_id', '=', clusterId)
    .where('takes_leases', '=', 0)
    .where('host_id', 'in', valueSet<string>(dialect, ids))
    .execute();
  return new Set(rows.map(({ host_id }) => host_id));
}

function fencedRow(
  { atMs }: CommandContext,
  {
    job,
    order,
    node,
  }: { readonly job: JobRow; readonly order: OrderRow; readonly node: PendingNode },
): TargetSetRow {
  const seconds = Math.round((atMs - job.created_at_ms) / MS_PER_SECOND);
  const last = node.message === '' ? '' : ` (${node.message})`;
  return {
    job_id: job.id,
    node: node.node,
    scheduler_cluster_id: order.scheduler_cluster_id,
    order_id: order.id,
    host_id: node.hostId,
    host_name: node.hostName,
    ip: node.ip,
    host: node.host,
    outcome: TargetOutcome.Fenced,
    try_number: 0,
    attempts: node.attempts,
    code: '',
    message: `No answer for ${seconds} s; it has no lease any more${last}`,
    deleted_bytes: 0,
    started_at_ms: node.startedAtMs,
    ended_at_ms: atMs,
    held: null,
    held_count: 0,
    verification: null,
  };
}
