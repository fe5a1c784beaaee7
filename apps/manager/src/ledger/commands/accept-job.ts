import { packHosts } from '@pondhawk/contracts';
import { NotFoundError, chooseByRendezvous } from '@pondhawk/core';
import {
  JobPhase,
  JobState,
  JobType,
  TargetOutcome,
  isManagersOwn,
  splitParallelism,
  taskLockPath,
} from '@pondhawk/jobs';
import type { AcceptJob, AcceptedJob } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import type { HostRecord } from '../host-record.js';
import type { OutboxMessage } from '../records.js';
import type { HandlerOf } from './command-handler.js';
import { findRepeated, keepKey } from './idempotency.js';
import { findActiveSchedulers } from './instances.js';
import { takeLock } from './locks.js';
import { writeTargets } from './merge-targets.js';
import { type OrderScheduler, insertOrder, queueOrder } from './orders.js';
import { type PurgeTargets, loadAskedHosts, loadPurgeTargets } from './purge-targets.js';
import { type AcceptedPurge, appendPurge } from './purges.js';

interface ClusterName {
  readonly id: number;
  readonly name: string;
}

/** @see LedgerCommands */
export const acceptJob: HandlerOf<'accept-job'> = async (context, input): Promise<AcceptedJob> => {
  const repeatedJobId = await findRepeated(context, input);
  if (repeatedJobId !== undefined) {
    return { jobId: repeatedJobId, clusterIds: [], messages: [], isRepeated: true };
  }
  const clusters = isManagersOwn(input.type)
    ? []
    : await requireClusters(context, input.clusterIds ?? []);
  const jobId = await insertJob(context, input);
  await keepKey(context, input, jobId);
  await insertJobClusters(context, jobId, clusters);
  const messages: OutboxMessage[] = [];
  for (const { id: clusterId } of clusters) {
    const asked =
      input.type === JobType.DeleteTask
        ? await acceptPurge(context, {
            ...{ jobId, clusterId, userId: input.userId },
            taskId: input.orderArgs.task_id ?? '',
          })
        : {
            hosts: await context.shared.once(`asked ${clusterId}`, () =>
              loadAskedHosts(context, clusterId),
            ),
            superseded: [],
          };
    messages.push(...(await insertOrders(context, { jobId, clusterId, ...asked })));
  }
  const { type } = input;
  await context.appendEvent({ jobId, kind: 'job-accepted', data: acceptedData(input), type });
  return { jobId, clusterIds: clusters.map(({ id }) => id), messages, isRepeated: false };
};

async function insertJobClusters(
  { db }: CommandContext,
  jobId: number,
  clusters: readonly ClusterName[],
): Promise<void> {
  if (clusters.length === 0) return;
  const rows = clusters.map(({ id, name }) => ({
    ...{ job_id: jobId, scheduler_cluster_id: id, cluster_name: name },
  }));
  await db.insertInto('job_clusters').values(rows).execute();
}

/**
 * Takes the purge's number first, then reads whom it must account for: whoever enrols in between
 * learns the number by enrolling.
 */
async function acceptPurge(context: CommandContext, purge: AcceptedPurge): Promise<PurgeTargets> {
  const { jobId, clusterId, taskId } = purge;
  const { seq } = await appendPurge(context, purge);
  await takeLock(context, jobId, taskLockPath(clusterId, taskId));
  const targets = await context.shared.once(`targets ${clusterId}`, () =>
    loadPurgeTargets(context, clusterId),
  );
  await context.db
    .updateTable('job_clusters')
    .set({ finality: JSON.stringify(targets.finality) })
    .where('job_id', '=', jobId)
    .where('scheduler_cluster_id', '=', clusterId)
    .execute();
  const { pending } = targets;
  context.afterCommit.push(() => context.leases.watch.begin({ jobId, clusterId, seq, pending }));
  return targets;
}

function acceptedData({ type, isDryRun = false }: AcceptJob): Readonly<Record<string, unknown>> {
  return isDryRun ? { type: JobType.DeleteTask, dry_run: true } : { type };
}

async function requireClusters(
  { db, shared }: CommandContext,
  clusterIds: readonly number[],
): Promise<readonly ClusterName[]> {
  const all = await shared.once('clusters', () =>
    db.selectFrom('scheduler_clusters').select(['id', 'name']).orderBy('id').execute(),
  );
  if (all.length === 0) {
    throw new NotFoundError('CLUSTER_NOT_FOUND', 'There is no cluster that could carry it out.');
  }
  if (clusterIds.length === 0) return all;
  const missing = clusterIds.find((clusterId) => !all.some(({ id }) => id === clusterId));
  if (missing !== undefined) {
    throw new NotFoundError('CLUSTER_NOT_FOUND', `scheduler_cluster_ids: no cluster ${missing}.`, {
      details: { field: 'scheduler_cluster_ids', clusterId: missing },
    });
  }
  return all.filter(({ id }) => clusterIds.includes(id));
}

async function insertJob({ db, number }: CommandContext, input: AcceptJob): Promise<number> {
  const { atMs, spec } = input;
  const { id } = await db
    .insertInto('jobs')
    .values({
      uuid: input.uuid,
      version: number,
      type: input.type,
      dry_run: input.isDryRun === true ? 1 : 0,
      state: JobState.Pending,
      phase: JobPhase.Accepted,
      bio: input.bio,
      user_id: input.userId,
      args: JSON.stringify(input.args),
      order_args: JSON.stringify(input.orderArgs),
      timeout_ms: spec.timeoutMs,
      parallelism: spec.parallelism,
      failure_strategy: spec.failureStrategy,
      deadline_at_ms: atMs + spec.timeoutMs,
      created_at_ms: atMs,
      updated_at_ms: atMs,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** One order for each active scheduler; without any, one that waits for a scheduler. */
async function insertOrders(
  context: CommandContext,
  accepted: {
    readonly jobId: number;
    readonly clusterId: number;
    readonly hosts: PurgeTargets['hosts'];
    readonly superseded: PurgeTargets['superseded'];
  },
): Promise<OutboxMessage[]> {
  const { jobId, clusterId, hosts, superseded } = accepted;
  const job = await context.db
    .selectFrom('jobs')
    .selectAll()
    .where('id', '=', jobId)
    .executeTakeFirstOrThrow();
  const schedulers = await context.shared.once(`schedulers ${clusterId}`, () =>
    findActiveSchedulers(context, clusterId),
  );
  const packed = await context.shared.once(hosts, () =>
    Promise.resolve(packShares(hosts, schedulers)),
  );
  if (schedulers.length === 0) {
    const orderId = await insertOrder(context, {
      jobId,
      clusterId,
      parallelism: job.parallelism,
      hosts: packed[0] ?? '',
    });
    await insertSuperseded(context, { jobId, clusterId, orderId }, superseded);
    return [];
  }
  const shares = splitParallelism(job.parallelism, schedulers.length);
  const messages: OutboxMessage[] = [];
  for (const [index, scheduler] of schedulers.entries()) {
    const orderId = await insertOrder(context, {
      jobId,
      clusterId,
      parallelism: shares[index] ?? 1,
      hosts: packed[index] ?? '',
    });
    if (index === 0) await insertSuperseded(context, { jobId, clusterId, orderId }, superseded);
    messages.push(await queueOrder(context, { job, orderId, scheduler, schedulers }));
  }
  return messages;
}

/** Daemons that nobody can ask are waited for all the same. */
async function insertSuperseded(
  context: CommandContext,
  order: { readonly jobId: number; readonly clusterId: number; readonly orderId: number },
  superseded: PurgeTargets['superseded'],
): Promise<void> {
  const rows = superseded.map(({ id, host, node }) => {
    const { host_name, ip } = JSON.parse(host) as HostRecord;
    return {
      job_id: order.jobId,
      node,
      scheduler_cluster_id: order.clusterId,
      order_id: order.orderId,
      ...{ host_id: id, host_name, ip, host },
      outcome: TargetOutcome.Pending,
      ...{ try_number: 0, attempts: 0, code: '', message: '', deleted_bytes: 0 },
      ...{ started_at_ms: context.atMs, ended_at_ms: null, held: null, held_count: 0 },
      verification: null,
    };
  });
  await writeTargets(context, rows);
}

/** The records of the hosts that each scheduler is home of, by its id. */
function packShares(
  hosts: readonly { readonly id: string; readonly host: string }[],
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
