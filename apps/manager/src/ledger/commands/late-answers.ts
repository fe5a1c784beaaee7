/** What hosts answered past their orders, for the jobs that still wait for them. */

import { JobPhase, JobType } from '@pondhawk/jobs';
import { PURGE_RULES } from '@pondhawk/purge';
import type { LateOutcome, RecordLater } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import type { HostRecord } from '../host-record.js';
import type { TargetReport } from '../order-report.js';
import { valueSet } from '../row-set.js';
import type { OrderRow } from '../tables.js';
import { endJobIfDone, requireJob } from './end-job.js';
import { mergeTargets } from './merge-targets.js';
import { type PendingNode, loadPendingNodes } from './pending-nodes.js';
import { appendTargetsChanged } from './progress.js';

const NOBODY = { incarnation: '', lock: '' };

/**
 * A host whose calls came to nothing, or whose scheduler died before it could report, is waited for. What it
 * answers on a stream after that, to whichever scheduler, is the answer that is waited for: it ends its target, and
 * the job if that was the last. The number says which purge was applied, and only the daemon that is meant counts (R10).
 *
 * @returns how many targets ended.
 */
export async function takeLateAnswers(
  context: CommandContext,
  { clusterId, outcomes }: Pick<RecordLater, 'clusterId' | 'outcomes'>,
): Promise<number> {
  const running = await findRunning(
    context,
    clusterId,
    outcomes.map(({ seq }) => seq),
  );
  let endedCount = 0;
  for (const { jobId, seq } of running) {
    const told = outcomes.filter((late) => late.seq === seq);
    endedCount += await takeForJob(context, { jobId, clusterId, told });
  }
  return endedCount;
}

/** R10: whether what a daemon tells is told of the one that a target's record names. */
export function isToldOfMeant({ hostId, daemon = NOBODY }: LateOutcome, record: string): boolean {
  const { incarnation = '', folder_lock: lock = '' } = JSON.parse(record) as HostRecord;
  if (incarnation === '') return true;
  return PURGE_RULES.standsFor({ hostId, ...daemon }, { hostId, incarnation, lock });
}

async function findRunning(
  { db, dialect }: CommandContext,
  clusterId: number,
  seqs: readonly number[],
): Promise<readonly { readonly jobId: number; readonly seq: number }[]> {
  if (seqs.length === 0) return [];
  const rows = await db
    .selectFrom('job_clusters')
    .innerJoin('jobs', 'jobs.id', 'job_clusters.job_id')
    .select(['jobs.id as jobId', 'job_clusters.purge_seq as seq'])
    .where('job_clusters.scheduler_cluster_id', '=', clusterId)
    .where('job_clusters.purge_seq', 'in', valueSet<number>(dialect, [...new Set(seqs)]))
    .where('jobs.type', '=', JobType.DeleteTask)
    .where('jobs.phase', '!=', JobPhase.Ended)
    .orderBy('jobs.id')
    .execute();
  return rows.map(({ jobId, seq }) => ({ jobId, seq: seq ?? 0 }));
}

async function takeForJob(
  context: CommandContext,
  {
    jobId,
    clusterId,
    told,
  }: {
    readonly jobId: number;
    readonly clusterId: number;
    readonly told: readonly LateOutcome[];
  },
): Promise<number> {
  const job = await requireJob(context, jobId);
  const orders = await context.db
    .selectFrom('orders')
    .selectAll()
    .where('job_id', '=', jobId)
    .where('scheduler_cluster_id', '=', clusterId)
    .orderBy('id')
    .execute();
  let endedCount = 0;
  for (const order of orders) {
    const count = await takeForOrder(context, order, told);
    if (count > 0) await appendTargetsChanged(context, job, order.id);
    endedCount += count;
  }
  if (endedCount > 0) await endJobIfDone(context, job);
  return endedCount;
}

async function takeForOrder(
  context: CommandContext,
  order: OrderRow,
  told: readonly LateOutcome[],
): Promise<number> {
  const pending = new Map(
    (await loadPendingNodes(context, order)).map((node) => [node.node, node] as const),
  );
  const answers = told.flatMap((late) => {
    const node = pending.get(`host:${late.hostId}`);
    if (node === undefined || !isToldOfMeant(late, node.host)) return [];
    return [toReport(node, late, context.atMs)];
  });
  return mergeTargets(context, order, answers);
}

function toReport(pending: PendingNode, late: LateOutcome, atMs: number): TargetReport {
  const { outcome, code = '', message = '', deletedBytes = 0 } = late;
  return {
    ...{ node: pending.node, host: JSON.parse(pending.host) as HostRecord, outcome },
    ...{ try: Math.max(1, pending.attempts), attempts: pending.attempts },
    ...(outcome === 'failed' ? { code: code || 'HOST_FAILED', message } : {}),
    ...(outcome === 'deleted' ? { deleted_bytes: deletedBytes } : {}),
    ...{ started_at_ms: pending.startedAtMs, ended_at_ms: atMs },
  };
}
