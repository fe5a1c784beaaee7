/** The rules that say how a job ended: one function decides, for every type of job. */

import { JobType, asksHosts, isQuestion } from './job-type.js';
import type { TargetOutcome } from './target-outcome.js';

/** How a job ended. */
export const JobOutcome = {
  Complete: 'complete',
  Partial: 'partial',
  Failed: 'failed',
  Cancelled: 'cancelled',
  TimedOut: 'timed_out',
} as const;
/** One of the outcomes. */
export type JobOutcome = (typeof JobOutcome)[keyof typeof JobOutcome];

/** State on the wire, as Dragonfly's clients know it. */
export const JobState = { Pending: 'PENDING', Success: 'SUCCESS', Failure: 'FAILURE' } as const;
/** One of the states. */
export type JobState = (typeof JobState)[keyof typeof JobState];

/** How many targets have each outcome. */
export type TargetCounts = Readonly<Record<TargetOutcome, number>>;

/** No target at all. */
export const NO_TARGETS: TargetCounts = {
  pending: 0,
  skipped: 0,
  failed: 0,
  fenced: 0,
  absent: 0,
  answered: 0,
  deleted: 0,
  already_here: 0,
  preheated: 0,
};

/** Counts of a retry as its whole purge or question is judged: what had ended well before counts as well. */
export function withSettled(counts: TargetCounts, settledCount: number): TargetCounts {
  return { ...counts, absent: counts.absent + settledCount };
}

/** What one cluster's part of a job came to. */
export interface ClusterTally {
  readonly clusterId: number;
  readonly counts: TargetCounts;
  /** Orders that nobody carried out to the end: no active scheduler, an error of the scheduler, the deadline. */
  readonly failedOrders: number;
}

/** What is known when a job ends. */
export interface JobTally {
  readonly type: JobType;
  readonly clusters: readonly ClusterTally[];
  readonly isCancelled?: boolean;
  /** The deadline came before the last report. */
  readonly isTimedOut?: boolean;
}

/** How a job, or one cluster's part of it, ended. */
export interface JobEnd {
  readonly state: typeof JobState.Success | typeof JobState.Failure;
  readonly outcome: JobOutcome;
}

/**
 * Decides how a job ended; a function of the classes of its targets and orders alone.
 *
 * A `delete_task` is `complete` only if every target is deleted, absent or fenced and every order
 * was carried out; `partial` if some are and some are not; `failed` if none is. `get_task` and
 * `list_tasks` are a SUCCESS when some host of each cluster answered or the cluster has none, and
 * are `partial` while hosts stay silent. A `preheat` is a SUCCESS when some host of each cluster has all
 * that it was to have, and `partial` while another has not. A `sync_peers` is `complete` if every
 * scheduler has told its hosts, and else no SUCCESS. A cancelled or timed-out job keeps that as
 * its outcome; a question that timed out is still a SUCCESS when each cluster has answered. A job that
 * the manager carries out by itself has no clusters: it is `complete` unless it was cancelled or timed out.
 */
export function decideOutcome(tally: JobTally): JobEnd {
  const verdicts = tally.clusters.map((cluster) => judgeCluster(tally.type, cluster));
  const isSuccess =
    verdicts.every(({ isEnough }) => isEnough) &&
    tally.isCancelled !== true &&
    !(tally.isTimedOut === true && !isQuestion(tally.type));
  return {
    state: isSuccess ? JobState.Success : JobState.Failure,
    outcome: outcomeOf(tally, verdicts),
  };
}

/** What one cluster's part is worth: all of it good, some of it, and whether that is enough for SUCCESS. */
interface Verdict {
  readonly isWhole: boolean;
  readonly hasGood: boolean;
  readonly isEnough: boolean;
}

function judgeCluster(type: JobType, { counts, failedOrders }: ClusterTally): Verdict {
  const here = counts.preheated + counts.already_here;
  const good = counts.deleted + counts.absent + counts.answered + counts.fenced + here;
  const bad = counts.failed + counts.skipped + counts.pending;
  const isWhole = bad === 0 && failedOrders === 0;
  const mayBePart = asksHosts(type) && type !== JobType.DeleteTask;
  const isPartEnough = mayBePart && counts.answered + counts.absent + here > 0;
  const isEnough = isWhole || isPartEnough;
  return { isWhole, hasGood: good > 0, isEnough };
}

function outcomeOf(tally: JobTally, verdicts: readonly Verdict[]): JobOutcome {
  if (tally.isCancelled === true) return JobOutcome.Cancelled;
  if (tally.isTimedOut === true) return JobOutcome.TimedOut;
  if (verdicts.every(({ isWhole }) => isWhole)) return JobOutcome.Complete;
  return verdicts.some(({ hasGood }) => hasGood) ? JobOutcome.Partial : JobOutcome.Failed;
}

/** Whether a job may end: each order has ended and no target is pending. */
export function mayEnd(progress: {
  readonly unfinishedOrders: number;
  readonly pendingTargets: number;
}): boolean {
  return progress.unfinishedOrders === 0 && progress.pendingTargets === 0;
}
