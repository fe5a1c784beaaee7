import {
  JobState,
  JobType,
  asksHosts,
  decideOutcome,
  isJobEnded,
  withSettled,
} from '@pondhawk/jobs';
import type { JobClusterRecord, JobDetail, TargetRecord } from '../ledger/index.js';
import { type Json, descriptionOf, timeView } from './peer-view.js';
import { preheatResultView } from './preheat-view.js';
import { targetsOf } from './result-lists-view.js';

/** Dragonfly's `job_states`: one element for each cluster, `results` empty while the job is unfinished. */
export function clusterStatesView(
  detail: JobDetail,
  { withResults }: { readonly withResults: boolean },
): Json[] {
  const { job } = detail;
  return detail.clusters.map((cluster) => ({
    task_uuid: `task_${job.uuid}-${cluster.id}`,
    task_name: job.isDryRun ? JobType.DeleteTask : job.type,
    state: stateOf(detail, cluster),
    error: errorOf(detail, cluster),
    created_at: timeView(job.createdAtMs),
    ttl: 0,
    results: withResults ? [resultOf(detail, cluster)] : [],
  }));
}

function stateOf({ job }: JobDetail, cluster: JobClusterRecord): JobState {
  if (!isJobEnded(job.phase)) return JobState.Pending;
  return decideOutcome({
    type: job.type,
    clusters: [
      {
        clusterId: cluster.id,
        counts: withSettled(cluster.counts, cluster.settledCount),
        failedOrders: cluster.orders.filter(({ state }) => isFailedState(state)).length,
      },
    ],
    isCancelled: job.outcome === 'cancelled' && isCutShort(cluster),
  }).state;
}

function isCutShort({ counts, orders }: JobClusterRecord): boolean {
  return counts.skipped > 0 || orders.some(({ state }) => state === 'cancelled');
}

/** What went wrong in a cluster, in one line; empty when nothing did or the job is not over. */
function errorOf(detail: JobDetail, cluster: JobClusterRecord): string {
  if (stateOf(detail, cluster) !== JobState.Failure) return '';
  const { counts, orders } = cluster;
  const failedCount = counts.failed + counts.skipped;
  const nodes = asksHosts(detail.job.type) ? 'hosts' : 'schedulers';
  const targetCount = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const failedOrders = orders.filter(({ state }) => isFailedState(state));
  const reasons = new Set(
    failedOrders.map(({ errorCode, errorMessage }) => `${errorCode}: ${errorMessage}`),
  );
  return [
    ...(orders.some(({ state }) => state === 'cancelled')
      ? ['CANCELLED: not carried out to the end.']
      : []),
    ...reasons,
    ...(failedCount > 0 ? [`${failedCount} of ${targetCount} ${nodes} failed.`] : []),
  ]
    .join(' ')
    .trim();
}

function isFailedState(state: string): boolean {
  return state === 'failed' || state === 'expired';
}

function resultOf(detail: JobDetail, { id }: JobClusterRecord): Json {
  if (detail.job.type === JobType.Preheat) return preheatResultView(detail, id);
  if (detail.job.type !== JobType.DeleteTask) {
    const peers = answeringPeers(detail, id);
    // The console takes null for "nobody has it" and draws an empty card for [].
    const answer = { peers: peers.length === 0 ? null : peers, scheduler_cluster_id: id };
    return detail.job.isDryRun ? { ...answer, ...deleteResult(detail, id) } : answer;
  }
  return { scheduler_cluster_id: id, ...deleteResult(detail, id) };
}

/** A dry run has deleted nothing, and shows whom it could not ask. */
function deleteResult(detail: JobDetail, id: number): Json {
  return {
    success_tasks: targetsOf(detail, ['deleted', 'fenced'], id).map(hostFacts),
    failure_tasks: targetsOf(detail, ['failed', 'skipped'], id).map((target) => ({
      ...hostFacts(target),
      description: descriptionOf(target),
    })),
  };
}

function answeringPeers(detail: JobDetail, clusterId: number): Json[] {
  if (!asksHosts(detail.job.type)) return [];
  const targets =
    detail.job.type === JobType.ListTasks
      ? [...new Set(detail.listed.entries.map(({ target }) => target))]
      : targetsOf(detail, ['answered'], clusterId);
  return targets
    .filter((target) => target.clusterId === clusterId)
    .map((target) => ({
      id: target.host.id,
      ...hostFacts(target),
      created_at: timeView(target.task?.created_at_ms ?? target.startedAtMs),
      updated_at: timeView(target.task?.updated_at_ms ?? target.startedAtMs),
      IsFinished: target.task === undefined || target.task.state === 'complete',
    }));
}

function hostFacts({ host }: TargetRecord): Json {
  return { hostname: host.host_name, ip: host.ip, host_type: host.type };
}
