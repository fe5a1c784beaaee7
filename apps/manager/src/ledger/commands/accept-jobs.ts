/**
 * Accepts jobs, those of one commit together: a statement writes rows of many jobs, what a cluster's jobs
 * have to know of it is read once, its purge log is moved once. What is written is what each of them alone
 * would write, in their order.
 */

import { NotFoundError, PondhawkError } from '@pondhawk/core';
import {
  JobPhase,
  JobState,
  JobType,
  asksHosts,
  isManagersOwn,
  taskLockPath,
} from '@pondhawk/jobs';
import type { AcceptJob, AcceptedJob } from '../command-catalog.js';
import { CommandContext, type CommandParts, takeLedgerNumbers } from '../command-context.js';
import { insertReturning, insertRows } from '../insert-rows.js';
import type { JobRow } from '../tables.js';
import { acceptedDetail } from './accepted-detail.js';
import { type JobPart, insertAcceptedOrders } from './accepted-orders.js';
import { type KeptKeys, findRepeated, keepKeys, loadKeptKeys } from './idempotency.js';
import { insertPreheatOrders } from './preheats.js';
import { loadAskedHosts, loadPurgeTargets } from './purge-targets.js';
import { appendPurges } from './purges.js';

/** What became of one accept. A refused one has written nothing; one that came before has no context. */
export type AcceptOutcome =
  | { readonly result: AcceptedJob; readonly context?: CommandContext }
  | { readonly error: PondhawkError };

interface ClusterName {
  readonly id: number;
  readonly name: string;
}

/** An accept that was checked. */
type Plan = AcceptPlan | { readonly formerJobId: number } | { readonly error: PondhawkError };

interface AcceptPlan {
  readonly input: AcceptJob;
  readonly clusters: readonly ClusterName[];
}

/** A job that has its row. */
interface NewJob extends AcceptPlan {
  readonly context: CommandContext;
  readonly row: JobRow;
  /** By cluster id; filled as clusters are gone through. */
  readonly parts: JobPart[];
}

/**
 * @param inputs no `Idempotency-Key` among them twice: the second would have to see the first.
 * @returns an outcome for each, in their order.
 * @throws whatever the database throws; then all of it has to be rolled back.
 */
export async function acceptJobs(
  common: CommandParts,
  inputs: readonly AcceptJob[],
): Promise<readonly AcceptOutcome[]> {
  const plans = await planAll(common, inputs);
  const jobs = await insertJobs(
    common,
    plans.filter((plan) => 'input' in plan),
  );
  await acceptInClusters(common, jobs);
  const parts = jobs.flatMap((job) => job.parts);
  await insertJobClusters(common, parts);
  await keepKeys(
    common,
    jobs.map(({ input, row }) => ({ ...input, jobId: row.id })),
  );
  await insertLocks(common, parts);
  const isPreheat = ({ job }: JobPart): boolean => job.type === JobType.Preheat;
  await insertAcceptedOrders(
    common,
    parts.filter((part) => !isPreheat(part)),
  );
  await insertPreheatOrders(parts.filter(isPreheat));
  await insertEvents(common, jobs);
  const results = jobs.values();
  return plans.map((plan): AcceptOutcome => {
    if ('error' in plan) return plan;
    if ('formerJobId' in plan) return { result: repeatedResult(plan.formerJobId) };
    return acceptedOutcome(results.next().value as NewJob);
  });
}

async function planAll(
  common: CommandParts,
  inputs: readonly AcceptJob[],
): Promise<readonly Plan[]> {
  const kept = await loadKeptKeys(common, inputs);
  const clusters = await common.db
    .selectFrom('scheduler_clusters')
    .select(['id', 'name'])
    .orderBy('id')
    .execute();
  return inputs.map((input) => plan(input, { clusters, kept }));
}

function plan(
  input: AcceptJob,
  known: { readonly clusters: readonly ClusterName[]; readonly kept: KeptKeys },
): Plan {
  try {
    const formerJobId = findRepeated(known.kept, input);
    if (formerJobId !== undefined) return { formerJobId };
    if (isManagersOwn(input.type)) return { input, clusters: [] };
    return { input, clusters: chooseClusters(known.clusters, input.clusterIds ?? []) };
  } catch (error) {
    if (error instanceof PondhawkError) return { error };
    throw error;
  }
}

function chooseClusters(
  all: readonly ClusterName[],
  clusterIds: readonly number[],
): readonly ClusterName[] {
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

async function insertJobs(
  common: CommandParts,
  plans: readonly AcceptPlan[],
): Promise<readonly NewJob[]> {
  if (plans.length === 0) return [];
  const atMs = Math.max(...plans.map(({ input }) => input.atMs));
  const first = await takeLedgerNumbers(common.db, { atMs, count: plans.length });
  const rows = plans.map(({ input }, index) => jobRow(input, first + index));
  const inserted = await insertReturning(common, 'jobs', { rows, returning: ['id', 'uuid'] });
  const ids = new Map(inserted.map(({ id, uuid }) => [uuid, id]));
  return plans.map((accepted, index) => {
    const row = rows[index] as Omit<JobRow, 'id'>;
    return {
      ...accepted,
      context: new CommandContext(common, accepted.input.atMs, row.version),
      row: { ...row, id: ids.get(row.uuid) as number },
      parts: [],
    };
  });
}

function jobRow(input: AcceptJob, number: number): Omit<JobRow, 'id'> {
  const { atMs, spec } = input;
  return {
    uuid: input.uuid,
    version: number,
    type: input.type,
    dry_run: input.isDryRun === true ? 1 : 0,
    retry_of: null,
    purged_count: 0,
    state: JobState.Pending,
    phase: JobPhase.Accepted,
    outcome: null,
    bio: input.bio,
    user_id: input.userId,
    args: JSON.stringify(input.args),
    order_args: JSON.stringify(input.orderArgs),
    sealed: input.sealed ?? null,
    timeout_ms: spec.timeoutMs,
    parallelism: spec.parallelism,
    failure_strategy: spec.failureStrategy,
    deadline_at_ms: atMs + spec.timeoutMs,
    created_at_ms: atMs,
    updated_at_ms: atMs,
    ended_at_ms: null,
    cancelled_at_ms: null,
  };
}

/** Clusters by id, so that two managers wait for each other's purge logs in one order. */
async function acceptInClusters(common: CommandParts, jobs: readonly NewJob[]): Promise<void> {
  const clusters = new Map(jobs.flatMap((job) => job.clusters.map(({ id, name }) => [id, name])));
  for (const [id, name] of [...clusters].sort(([left], [right]) => left - right)) {
    const ofCluster = jobs.filter((job) => job.clusters.some((cluster) => cluster.id === id));
    const [deletes, preheats, forSchedulers, questions] = byKind(ofCluster);
    await acceptPurges(common, { id, name }, deletes);
    acceptPreheats({ id, name }, preheats);
    acceptForSchedulers({ id, name }, forSchedulers);
    await acceptQuestions({ id, name }, questions);
  }
}

/** Deletes, preheats, what schedulers answer by themselves, and the rest. */
function byKind(jobs: readonly NewJob[]): readonly [NewJob[], NewJob[], NewJob[], NewJob[]] {
  const kinds: readonly [NewJob[], NewJob[], NewJob[], NewJob[]] = [[], [], [], []];
  for (const job of jobs) {
    const { type } = job.input;
    if (type === JobType.DeleteTask) kinds[0].push(job);
    else if (type === JobType.Preheat) kinds[1].push(job);
    else kinds[asksHosts(type) ? 3 : 2].push(job);
  }
  return kinds;
}

/**
 * Takes the purges' numbers first, then reads whom they must account for: whoever enrols in between
 * learns the numbers by enrolling.
 */
async function acceptPurges(
  common: CommandParts,
  cluster: ClusterName,
  jobs: readonly NewJob[],
): Promise<void> {
  const [first] = jobs;
  if (first === undefined) return;
  const clusterId = cluster.id;
  const purges = await appendPurges(
    common,
    clusterId,
    jobs.map(({ context, row, input }) => ({
      ...{ context, jobId: row.id, userId: row.user_id },
      taskId: taskIdOf(input),
    })),
  );
  const targets = await loadPurgeTargets(first.context, clusterId);
  const { pending } = targets;
  for (const [index, { context, row, parts }] of jobs.entries()) {
    const purge = purges[index];
    if (purge === undefined) continue;
    parts.push({ ...{ context, job: row, cluster, targets, purge }, orders: [] });
    const watched = { jobId: row.id, clusterId, seq: purge.seq, pending };
    context.afterCommit.push(() => context.leases.watch.begin(watched));
  }
}

function taskIdOf({ orderArgs }: AcceptJob): string {
  return 'task_id' in orderArgs ? (orderArgs.task_id ?? '') : '';
}

/** Whom a preheat means is decided when it begins. */
function acceptPreheats(cluster: ClusterName, jobs: readonly NewJob[]): void {
  for (const { context, row, parts } of jobs) {
    const targets = { hosts: [], superseded: [] };
    parts.push({ ...{ context, job: row, cluster, targets }, orders: [] });
  }
}

async function acceptQuestions(cluster: ClusterName, jobs: readonly NewJob[]): Promise<void> {
  const [first] = jobs;
  if (first === undefined) return;
  const hosts = await loadAskedHosts(first.context, cluster.id);
  const targets = { hosts, superseded: [] };
  for (const { context, row, parts } of jobs) {
    parts.push({ ...{ context, job: row, cluster, targets }, orders: [] });
  }
}

/** They are about no hosts that the ledger could name. */
function acceptForSchedulers(cluster: ClusterName, jobs: readonly NewJob[]): void {
  const targets = { hosts: [], superseded: [] };
  for (const { context, row, parts } of jobs) {
    parts.push({ ...{ context, job: row, cluster, targets }, orders: [] });
  }
}

async function insertJobClusters(common: CommandParts, parts: readonly JobPart[]): Promise<void> {
  const rows = parts.map(({ job, cluster, targets, purge }) => ({
    job_id: job.id,
    scheduler_cluster_id: cluster.id,
    cluster_name: cluster.name,
    purge_seq: purge?.seq ?? null,
    finality: targets.finality === undefined ? null : JSON.stringify(targets.finality),
    settled_count: 0,
  }));
  await insertRows(common, 'job_clusters', rows);
}

/** Deletes wait for nobody: they only show what they work on. */
async function insertLocks(common: CommandParts, parts: readonly JobPart[]): Promise<void> {
  const rows = parts.flatMap(({ context, job, cluster, purge }) =>
    purge === undefined
      ? []
      : {
          path: taskLockPath(cluster.id, purge.taskId),
          ...{ job_id: job.id, created_at_ms: context.atMs },
        },
  );
  await insertRows(common, 'locks', rows);
}

async function insertEvents(common: CommandParts, jobs: readonly NewJob[]): Promise<void> {
  const rows = jobs.flatMap(({ context, input, row, parts }) => {
    const { type, isDryRun = false } = input;
    const queued = parts.flatMap(({ orders }) =>
      orders.flatMap(({ queued: event }) => event ?? []),
    );
    const data = isDryRun ? { type: JobType.DeleteTask, dry_run: true } : { type };
    const accepted = { jobId: row.id, kind: 'job-accepted', data, type } as const;
    return [...queued, accepted].map((event) => context.noteEvent(event));
  });
  await insertRows(common, 'events', rows);
}

function acceptedOutcome({ context, row, parts }: NewJob): AcceptOutcome {
  const messages = parts.flatMap(({ orders }) => orders.flatMap(({ message }) => message ?? []));
  const clusterIds = parts.map(({ cluster }) => cluster.id);
  const detail = acceptedDetail(row, parts);
  return {
    result: { jobId: row.id, clusterIds, messages, isRepeated: false, detail },
    context,
  };
}

function repeatedResult(jobId: number): AcceptedJob {
  return { jobId, clusterIds: [], messages: [], isRepeated: true };
}
