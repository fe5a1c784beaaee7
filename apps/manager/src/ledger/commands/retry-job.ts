import { packHosts } from '@pondhawk/contracts';
import { ConflictError, NotFoundError, chooseByRendezvous } from '@pondhawk/core';
import {
  JobPhase,
  JobState,
  JobType,
  isJobEnded,
  asksHosts,
  splitParallelism,
  taskLockPath,
} from '@pondhawk/jobs';
import type { Selectable } from 'kysely';
import type { RetryJob } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import type { OutboxMessage } from '../records.js';
import type { JobClustersTable, JobRow } from '../tables.js';
import type { HandlerOf } from './command-handler.js';
import { findRepeated, keepKeys, loadKeptKeys } from './idempotency.js';
import { findActiveSchedulers } from './instances.js';
import { takeLock } from './locks.js';
import { loadOpenPart, type OpenPart } from './open-targets.js';
import { type OrderScheduler, insertOrder, queueOrder } from './orders.js';
import { acceptPreheat } from './preheats.js';

/** One cluster's part of the new job. */
interface Part {
  readonly row: Selectable<JobClustersTable>;
  readonly open: OpenPart;
}

/** @see LedgerCommands */
export const retryJob: HandlerOf<'retry-job'> = async (context, input) => {
  const repeatedJobId = findRepeated(await loadKeptKeys(context, [input]), input);
  if (repeatedJobId !== undefined) {
    return { jobId: repeatedJobId, clusterIds: [], messages: [], isRepeated: true };
  }
  const former = await requireEnded(context, input.jobId);
  await refuseSecondRetry(context, former.id);
  refuseOwn(former);
  const parts = await loadParts(context, former);
  const job = await insertRetry(context, former, input);
  await keepKeys(context, [{ ...input, jobId: job.id }]);
  const messages: OutboxMessage[] = [];
  for (const part of parts) messages.push(...(await acceptPart(context, job, part)));
  const data = { type: job.type, retry_of: former.id };
  await context.appendEvent({ jobId: job.id, kind: 'job-accepted', data });
  const clusterIds = parts.map(({ row }) => row.scheduler_cluster_id);
  return { jobId: job.id, clusterIds, messages, isRepeated: false };
};

async function requireEnded({ db }: CommandContext, jobId: number): Promise<JobRow> {
  const job = await db.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirst();
  if (job === undefined) {
    throw new NotFoundError('JOB_NOT_FOUND', `There is no job ${jobId}.`, { details: { jobId } });
  }
  if (isJobEnded(job.phase as JobPhase)) return job;
  throw new ConflictError(
    'JOB_NOT_FINISHED',
    `Job ${jobId} has not ended; what it leaves open can be tried again once it has.`,
    { details: { jobId } },
  );
}

/** It has no hosts that could be tried again. */
function refuseOwn({ id: jobId, type }: JobRow): void {
  if (asksHosts(type as JobType)) return;
  throw new ConflictError(
    'NOTHING_TO_RETRY',
    `Job ${jobId} asked no hosts; order it anew instead.`,
    { details: { jobId } },
  );
}

async function refuseSecondRetry({ db }: CommandContext, jobId: number): Promise<void> {
  const other = await db
    .selectFrom('jobs')
    .select('id')
    .where('retry_of', '=', jobId)
    .where('phase', 'in', [JobPhase.Accepted, JobPhase.Running])
    .executeTakeFirst();
  if (other === undefined) return;
  throw new ConflictError(
    'RETRY_UNDER_WAY',
    `Job ${other.id} is trying again already what job ${jobId} left open.`,
    { details: { jobId: other.id } },
  );
}

async function loadParts(context: CommandContext, job: JobRow): Promise<readonly Part[]> {
  const rows = await context.db
    .selectFrom('job_clusters')
    .selectAll()
    .where('job_id', '=', job.id)
    .orderBy('scheduler_cluster_id')
    .execute();
  const parts: Part[] = [];
  for (const row of rows) {
    const open = await loadOpenPart(context, job, row.scheduler_cluster_id);
    if (open.hosts.size === 0 && !open.mayHaveMore) continue;
    if (job.type === JobType.DeleteTask) await requireLogged(context, job, row);
    parts.push({ row, open });
  }
  if (parts.length > 0) return parts;
  throw new ConflictError('NOTHING_TO_RETRY', `Every host of job ${job.id} has ended well.`, {
    details: { jobId: job.id },
  });
}

/** Under another log id the number means nothing, and hosts that missed it drop what they hold. */
async function requireLogged(
  { db }: CommandContext,
  job: JobRow,
  { scheduler_cluster_id: clusterId, purge_seq: seq }: Part['row'],
): Promise<void> {
  const entry = await db
    .selectFrom('purge_log')
    .select('task_id')
    .where('scheduler_cluster_id', '=', clusterId)
    .where('seq', '=', seq ?? 0)
    .executeTakeFirst();
  const { task_id: taskId } = JSON.parse(job.order_args) as { readonly task_id?: string };
  if (entry !== undefined && entry.task_id === taskId) return;
  throw new ConflictError(
    'PURGE_NOT_LOGGED',
    `The purge log of cluster ${clusterId} does not have purge ${seq ?? 0} any more; delete the task again.`,
    { details: { jobId: job.id, clusterId } },
  );
}

async function insertRetry(
  { db, number, atMs }: CommandContext,
  former: JobRow,
  { uuid, userId }: RetryJob,
): Promise<JobRow> {
  const { type, dry_run, bio, args, order_args, sealed } = former;
  const { timeout_ms, parallelism, failure_strategy } = former;
  return db
    .insertInto('jobs')
    .values({
      ...{ uuid, version: number, user_id: userId, retry_of: former.id },
      ...{ type, dry_run, bio, args, order_args, sealed },
      ...{ timeout_ms, parallelism, failure_strategy },
      ...{ state: JobState.Pending, phase: JobPhase.Accepted },
      deadline_at_ms: atMs + timeout_ms,
      ...{ created_at_ms: atMs, updated_at_ms: atMs },
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

async function acceptPart(
  context: CommandContext,
  job: JobRow,
  { row, open }: Part,
): Promise<OutboxMessage[]> {
  const clusterId = row.scheduler_cluster_id;
  // A preheat chooses hosts anew: whoever has it already says so.
  const isPreheat = job.type === JobType.Preheat;
  const settled_count = isPreheat ? 0 : row.settled_count + open.settledCount;
  await context.db
    .insertInto('job_clusters')
    .values({ ...row, job_id: job.id, settled_count })
    .execute();
  if (isPreheat) return acceptPreheat(context, { job, clusterId });
  if (job.type === JobType.DeleteTask) {
    const { task_id: taskId = '' } = JSON.parse(job.order_args) as { readonly task_id?: string };
    await takeLock(context, job.id, taskLockPath(clusterId, taskId));
    // Whoever does not answer is fenced by the clock of this process, from now on.
    const seq = row.purge_seq ?? 0;
    const { watch } = context.leases;
    context.afterCommit.push(() => watch.adopt({ jobId: job.id, clusterId, seq }));
  }
  const schedulers = await findActiveSchedulers(context, clusterId);
  const isOnlyNamed = !open.mayHaveMore;
  const order = { jobId: job.id, clusterId, isOnlyNamed };
  if (schedulers.length === 0) {
    const hosts = packHosts([...open.hosts.values()]);
    await insertOrder(context, { ...order, parallelism: job.parallelism, hosts });
    return [];
  }
  const shares = shareOut(open, schedulers);
  const parallelisms = splitParallelism(job.parallelism, shares.length);
  const messages: OutboxMessage[] = [];
  for (const [index, { scheduler, hosts }] of shares.entries()) {
    const parallelism = parallelisms[index] ?? 1;
    const orderId = await insertOrder(context, { ...order, parallelism, hosts: packHosts(hosts) });
    messages.push(await queueOrder(context, { job, orderId, scheduler, schedulers }));
  }
  return messages;
}

/** The hosts by their homes; a scheduler that has none of them is asked only if it may know more. */
function shareOut(
  { hosts, mayHaveMore }: OpenPart,
  schedulers: readonly OrderScheduler[],
): readonly { readonly scheduler: OrderScheduler; readonly hosts: readonly string[] }[] {
  const homes = new Map<number, string[]>(schedulers.map(({ id }) => [id, []]));
  for (const [hostId, host] of hosts) {
    homes.get(chooseByRendezvous(schedulers, hostId).id)?.push(host);
  }
  return schedulers
    .map((scheduler) => ({ scheduler, hosts: homes.get(scheduler.id) ?? [] }))
    .filter((share) => mayHaveMore || share.hosts.length > 0);
}
