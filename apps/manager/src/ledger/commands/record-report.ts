import { CANCELLED, OTHER_DAEMON } from '@pondhawk/contracts';
import {
  ORDER_LEASE_MS,
  type OrderState,
  type OrderEvent,
  JobType,
  TargetOutcome,
  isJobEnded,
  isOrderEnded,
  nextJobPhase,
  nextOrderState,
  placeReport,
  type JobPhase,
  type ReportPlace,
} from '@pondhawk/jobs';
import type { RecordedReport } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import type { OrderReport, TargetReport } from '../order-report.js';
import { valueSet } from '../row-set.js';
import type { JobRow, OrderRow } from '../tables.js';
import type { HandlerOf } from './command-handler.js';
import { endCancelledOrder } from './cancel-job.js';
import { endJobIfDone } from './end-job.js';
import { mergeTargets } from './merge-targets.js';
import { failPendingTargets, toPlaceColumns } from './orders.js';
import { appendTargetsChanged } from './progress.js';
import { findMarked } from './waivers.js';

/** Failures of a call that say nothing of what the host did. */
const UNREACHED_CODES = [
  'HOST_UNREACHABLE',
  'HOST_CONNECTION_LOST',
  'DEADLINE_EXCEEDED',
  OTHER_DAEMON,
];

/** @see LedgerCommands */
export const recordReport: HandlerOf<'record-report'> = async (context, { report }) => {
  const order = await context.db
    .selectFrom('orders')
    .selectAll()
    .where('id', '=', report.order_id)
    .executeTakeFirst();
  if (order?.job_id !== report.job_id) return refused(report, 'unknown-order');
  if (order.attempt !== report.attempt || order.scheduler_id !== report.scheduler_id) {
    return refused(report, 'stale-attempt');
  }
  const job = await context.db
    .selectFrom('jobs')
    .selectAll()
    .where('id', '=', order.job_id)
    .executeTakeFirstOrThrow();
  if (isJobEnded(job.phase as JobPhase)) return refused(report, 'job-ended');
  const last = { runStartedAtMs: order.report_run_at_ms, number: order.report_number };
  const recorded = { last, isOrderEnded: isOrderEnded(order.state as OrderState) };
  const placing = placeReport(placeOf(report), recorded);
  if (placing !== 'next') return refused(report, placing);
  return record(context, { report, order, job });
};

async function record(
  context: CommandContext,
  {
    report,
    order,
    job,
  }: { readonly report: OrderReport; readonly order: OrderRow; readonly job: JobRow },
): Promise<RecordedReport> {
  await startJob(context, job);
  const targets = await waitForFences(context, job, report);
  const changedTargetCount = await mergeTargets(context, order, targets);
  if (job.cancelled_at_ms !== null && report.error?.code === CANCELLED) {
    return recordCancelled(context, job, order);
  }
  const failedTargetCount = await moveOrder(context, order, report);
  if (changedTargetCount + failedTargetCount > 0)
    await appendTargetsChanged(context, job, order.id);
  const ended = await endJobIfDone(context, job);
  return {
    status: 'recorded',
    jobId: job.id,
    changedTargetCount,
    ...(ended === undefined ? {} : { ended }),
  };
}

/**
 * A host that cannot be reached by a purge has not failed yet: it is waited for until it cannot have a
 * lease any more. Daemons that know none have failed.
 */
async function waitForFences(
  context: CommandContext,
  job: JobRow,
  { targets, scheduler_cluster_id: clusterId }: OrderReport,
): Promise<readonly TargetReport[]> {
  if (job.type !== JobType.DeleteTask) return targets;
  const unreached = targets.filter(
    ({ outcome, code = '' }) => outcome === TargetOutcome.Failed && UNREACHED_CODES.includes(code),
  );
  const unnamed = unreached.filter(({ host }) => (host.incarnation ?? '') === '');
  const leased = await findLeaseTakers(context, clusterId, unnamed);
  const serving = await findServing(context, clusterId, unreached);
  return targets.map((target) =>
    unreached.includes(target) &&
    !serving.has(target) &&
    (!unnamed.includes(target) || leased.has(target.host.id))
      ? { ...target, outcome: TargetOutcome.Pending, ended_at_ms: undefined }
      : target,
  );
}

/** Those that may serve without a lease: they cannot be fenced, so there is nothing to wait for. */
async function findServing(
  context: CommandContext,
  clusterId: number,
  targets: readonly TargetReport[],
): Promise<ReadonlySet<TargetReport>> {
  const daemons = targets.map((target) => {
    const { id: hostId, incarnation = '', folder_lock: lock = '' } = target.host;
    return { target, hostId, incarnation, lock };
  });
  const marked = await findMarked(context, clusterId, daemons);
  return new Set([...marked].map(({ target }) => target));
}

/** Those of hosts that no order named of which the ledger knows that they take leases. */
async function findLeaseTakers(
  { db, dialect }: CommandContext,
  clusterId: number,
  targets: readonly TargetReport[],
): Promise<ReadonlySet<string>> {
  if (targets.length === 0) return new Set();
  const ids = targets.map(({ host }) => host.id);
  const rows = await db
    .selectFrom('peers')
    .select('host_id')
    .where('scheduler_cluster_id', '=', clusterId)
    .where('takes_leases', '=', 1)
    .where('host_id', 'in', valueSet<string>(dialect, ids))
    .execute();
  return new Set(rows.map(({ host_id }) => host_id));
}

/** The scheduler has nothing of the order, and begins nothing of it any more. */
async function recordCancelled(
  context: CommandContext,
  job: JobRow,
  order: OrderRow,
): Promise<RecordedReport> {
  if (!isOrderEnded(order.state as OrderState)) await endCancelledOrder(context, order);
  const ended = await endJobIfDone(context, job);
  const facts = ended === undefined ? {} : { ended };
  return { status: 'recorded', jobId: job.id, changedTargetCount: 0, ...facts };
}

/** The first report of any order says that the job is being carried out. */
async function startJob(context: CommandContext, job: JobRow): Promise<void> {
  const phase = nextJobPhase(job.phase as JobPhase, 'report');
  await context.db
    .updateTable('jobs')
    .set({ phase, updated_at_ms: context.atMs })
    .where('id', '=', job.id)
    .execute();
  if (phase === job.phase) return;
  await context.appendEvent({ jobId: job.id, kind: 'job-running', data: { phase } });
}

/** Every report renews the lease of its attempt, also an empty one. @returns how many targets its failure ended. */
async function moveOrder(
  context: CommandContext,
  order: OrderRow,
  report: OrderReport,
): Promise<number> {
  const former = order.state as OrderState;
  if (isOrderEnded(former)) return 0;
  // It has begun for others once all are named whom it is about.
  const state = report.names_follow === true ? former : nextOrderState(former, eventOf(report));
  const { code = '', message = '' } = report.error ?? {};
  await context.db
    .updateTable('orders')
    .set({
      state,
      ...toPlaceColumns(placeOf(report)),
      lease_until_ms: context.atMs + ORDER_LEASE_MS,
      updated_at_ms: context.atMs,
      error_code: code,
      error_message: message,
      ...(report.verification === undefined
        ? {}
        : { verification: JSON.stringify(report.verification) }),
    })
    .where('id', '=', order.id)
    .execute();
  if (!isOrderEnded(state)) return 0;
  const data = { order_id: order.id, state, ...(code === '' ? {} : { code }) };
  await context.appendEvent({ jobId: order.job_id, kind: 'order-ended', data });
  return report.error === undefined
    ? 0
    : failPendingTargets(context, [order.id], { code, message });
}

function placeOf({ run_started_at_ms: runStartedAtMs, number }: OrderReport): ReportPlace {
  return { runStartedAtMs, number };
}

function eventOf(report: OrderReport): OrderEvent {
  if (report.error !== undefined) return 'fail';
  return report.is_last ? 'finish' : 'report';
}

function refused(
  report: OrderReport,
  status: Exclude<RecordedReport['status'], 'recorded'>,
): RecordedReport {
  return { status, jobId: report.job_id, changedTargetCount: 0 };
}
