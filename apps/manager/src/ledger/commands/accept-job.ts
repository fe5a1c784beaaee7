import { packHosts } from '@pondhawk/contracts';
import { NotFoundError, chooseByRendezvous } from '@pondhawk/core';
import { JobPhase, JobState, JobType, splitParallelism, taskLockPath } from '@pondhawk/jobs';
import type { AcceptJob, AcceptedJob } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import type { OutboxMessage } from '../records.js';
import type { HandlerOf } from './command-handler.js';
import { loadTargetHosts } from './hosts.js';
import { findRepeated, keepKey } from './idempotency.js';
import { findActiveSchedulers } from './instances.js';
import { takeLock } from './locks.js';
import { type OrderScheduler, insertOrder, queueOrder } from './orders.js';
import { appendPurge } from './purges.js';

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
  const clusters = await requireClusters(context, input.clusterIds ?? []);
  const jobId = await insertJob(context, input);
  await keepKey(context, input, jobId);
  await context.db
    .insertInto('job_clusters')
    .values(
      clusters.map(({ id, name }) => ({
        job_id: jobId,
        scheduler_cluster_id: id,
        cluster_name: name,
      })),
    )
    .execute();
  const messages: OutboxMessage[] = [];
  for (const { id: clusterId } of clusters) {
    // The number first, then the hosts: whoever enrols in between learns the number by enrolling.
    if (input.type === JobType.DeleteTask) {
      const taskId = input.orderArgs.task_id ?? '';
      await appendPurge(context, { jobId, clusterId, taskId });
      await takeLock(context, jobId, taskLockPath(clusterId, taskId));
    }
    messages.push(...(await insertOrders(context, jobId, clusterId)));
  }
  await context.appendEvent({ jobId, kind: 'job-accepted', data: acceptedData(input) });
  return { jobId, clusterIds: clusters.map(({ id }) => id), messages, isRepeated: false };
};

function acceptedData({ type, isDryRun = false }: AcceptJob): Readonly<Record<string, unknown>> {
  return isDryRun ? { type: JobType.DeleteTask, dry_run: true } : { type };
}

async function requireClusters(
  { db }: CommandContext,
  clusterIds: readonly number[],
): Promise<readonly ClusterName[]> {
  const all = await db
    .selectFrom('scheduler_clusters')
    .select(['id', 'name'])
    .orderBy('id')
    .execute();
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
  jobId: number,
  clusterId: number,
): Promise<OutboxMessage[]> {
  const job = await context.db
    .selectFrom('jobs')
    .selectAll()
    .where('id', '=', jobId)
    .executeTakeFirstOrThrow();
  const schedulers = await findActiveSchedulers(context, clusterId);
  const hosts = await loadTargetHosts(context, clusterId);
  if (schedulers.length === 0) {
    const packed = packHosts(hosts.map(({ host }) => host));
    await insertOrder(context, {
      jobId,
      clusterId,
      parallelism: job.parallelism,
      hosts: packed,
    });
    return [];
  }
  const shares = splitParallelism(job.parallelism, schedulers.length);
  const homes = divideHosts(hosts, schedulers);
  const messages: OutboxMessage[] = [];
  for (const [index, scheduler] of schedulers.entries()) {
    const orderId = await insertOrder(context, {
      jobId,
      clusterId,
      parallelism: shares[index] ?? 1,
      hosts: packHosts(homes.get(scheduler.id) ?? []),
    });
    messages.push(await queueOrder(context, { job, orderId, scheduler, schedulers }));
  }
  return messages;
}

/** The records of the hosts that each scheduler is home of, by its id. */
function divideHosts(
  hosts: readonly { readonly id: string; readonly host: string }[],
  schedulers: readonly OrderScheduler[],
): Map<number, string[]> {
  const homes = new Map<number, string[]>();
  for (const { id, host } of hosts) {
    const home = chooseByRendezvous(schedulers, id).id;
    const records = homes.get(home) ?? [];
    records.push(host);
    homes.set(home, records);
  }
  return homes;
}
