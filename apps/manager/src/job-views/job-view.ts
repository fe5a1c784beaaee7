/** What REST shows of jobs: JSON made on read, never stored. */

import { JobType, isJobEnded, isManagersOwn } from '@pondhawk/jobs';
import { finalityOf } from '@pondhawk/purge';
import type { JobDetail, JobRecord } from '../ledger/index.js';
import { clusterStatesView } from './cluster-state-view.js';
import { type Json, timeView } from './peer-view.js';
import { countsView, listsView } from './result-lists-view.js';

/** A job as `GET /jobs/:id` and `POST /jobs` answer it. Unfinished jobs have the same keys, empty. */
export function jobView(detail: JobDetail): Json {
  const { job } = detail;
  return {
    id: job.id,
    created_at: timeView(job.createdAtMs),
    updated_at: timeView(job.updatedAtMs),
    is_del: 0,
    bio: job.bio,
    type: job.isDryRun ? JobType.DeleteTask : job.type,
    task_id: groupUuid(job),
    state: job.state,
    phase: job.phase,
    ...(job.retryOf === undefined ? {} : { retry_of: job.retryOf }),
    ...(job.cancelledAtMs === undefined ? {} : { cancelled_at: timeView(job.cancelledAtMs) }),
    user_id: job.userId,
    user: {},
    seed_peer_clusters: [],
    scheduler_clusters: detail.clusters.map(({ id, name }) => ({ id, name })),
    args: job.args,
    result: resultView(detail),
  };
}

/** Never null, and its `state` always equals the job's: the console waits for this one. */
function resultView(detail: JobDetail): Json {
  const { job, clusters } = detail;
  if (isManagersOwn(job.type)) return ownResultView(detail);
  const options = { withResults: isJobEnded(job.phase) };
  const isDelete = job.type === JobType.DeleteTask;
  return {
    state: job.state,
    outcome: job.outcome ?? '',
    ...(isDelete ? finalityView(detail) : {}),
    group_uuid: groupUuid(job),
    created_at: timeView(job.createdAtMs),
    updated_at: timeView(job.updatedAtMs),
    ...(isDelete
      ? {
          purge_seq: purgeNumbers(detail),
          fences_hold_in_ms: isJobEnded(job.phase) ? null : wholeMs(detail.fencesHoldInMs),
        }
      : {}),
    counts: countsView(detail),
    ...(isDelete
      ? { deleted_bytes: clusters.reduce((sum, { deletedBytes }) => sum + deletedBytes, 0) }
      : {}),
    ...(job.retryOf === undefined
      ? {}
      : { settled_before: clusters.reduce((sum, one) => sum + one.settledCount, 0) }),
    ...(job.isDryRun
      ? { dry_run: true, held_bytes: clusters.reduce((sum, one) => sum + one.heldBytes, 0) }
      : {}),
    ...(job.type === JobType.SyncPeers ? { hosts: countToldHosts(detail) } : {}),
    ...(isDelete && job.args['verify'] === true ? { verification: verificationView(detail) } : {}),
    job_states: clusterStatesView(detail, options),
    ...listsView(detail, options),
  };
}

/** Of a job without hosts: how many records were removed. Lists are empty, so that clients find what they look for in every job. */
function ownResultView(detail: JobDetail): Json {
  const { job } = detail;
  return {
    state: job.state,
    outcome: job.outcome ?? '',
    group_uuid: groupUuid(job),
    created_at: timeView(job.createdAtMs),
    updated_at: timeView(job.updatedAtMs),
    purged: job.purgedCount,
    counts: countsView(detail),
    job_states: [],
    truncated: false,
  };
}

/** Of a `sync_peers`: hosts that its schedulers have told of up to now. */
function countToldHosts({ targets }: JobDetail): number {
  return targets.reduce((sum, { hostCount = 0 }) => sum + hostCount, 0);
}

/** Rounded up: the fences hold then, whatever the fraction. */
function wholeMs(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.ceil(ms);
}

/** What SUCCESS promises of the purge, and what stands against more. */
function finalityView({ clusters }: JobDetail): Json {
  const reasons = [...new Set(clusters.flatMap(({ finality }) => finality?.reasons ?? []))];
  const hosts = [...new Set(clusters.flatMap(({ finality }) => finality?.hosts ?? []))];
  return { finality: finalityOf(reasons), finality_reasons: reasons, finality_hosts: hosts };
}

/** What hosts did when they were asked from outside, over all orders; zeros before. */
function verificationView({ clusters }: JobDetail): Json {
  const seen = clusters.flatMap(({ orders }) =>
    orders.flatMap((order) => order.verification ?? []),
  );
  const sum = (name: keyof (typeof seen)[number]): number =>
    seen.reduce((total, counts) => total + counts[name], 0);
  return {
    asked: sum('asked'),
    passed: sum('passed'),
    newer_copies: sum('newer_copies'),
    failed: sum('failed'),
    unreachable: sum('unreachable'),
  };
}

function groupUuid({ uuid }: JobRecord): string {
  return `group_${uuid}`;
}

/** The purge's number in the log of each cluster. */
function purgeNumbers({ clusters }: JobDetail): Record<string, number> {
  return Object.fromEntries(
    clusters.flatMap(({ id, purgeSeq }) => (purgeSeq === undefined ? [] : [[id, purgeSeq]])),
  );
}
