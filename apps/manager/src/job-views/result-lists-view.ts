import { JobType, type TargetOutcome, asksHosts } from '@pondhawk/jobs';
import { type JobDetail, LISTED_TARGETS_MAX, type TargetRecord } from '../ledger/index.js';
import { type Json, heldTaskView, targetHostView, targetPeerView } from './peer-view.js';

/** How many targets have each outcome, over all clusters. */
export function countsView({ job, clusters }: JobDetail): Json {
  const sum = (outcome: TargetOutcome): number =>
    clusters.reduce((total, { counts }) => total + counts[outcome], 0);
  const targets = clusters.reduce(
    (total, { counts }) => total + Object.values(counts).reduce((a, b) => a + b, 0),
    0,
  );
  return {
    targets,
    pending: sum('pending'),
    deleted: sum('deleted'),
    absent: sum('absent'),
    ...(job.type === JobType.DeleteTask ? {} : { answered: sum('answered') }),
    ...(job.type === JobType.Preheat
      ? { preheated: sum('preheated'), already_here: sum('already_here') }
      : {}),
    fenced: sum('fenced'),
    failed: sum('failed'),
    skipped: sum('skipped'),
  };
}

/** The lists of hosts in a result: each at most `LISTED_TARGETS_MAX`, and whether one was cut. */
export function listsView(detail: JobDetail, options: { readonly withResults: boolean }): Json {
  const { truncated, ...lists } = options.withResults
    ? fullLists(detail)
    : emptyLists(detail.job.type);
  return { truncated, ...lists, ...pageFacts(detail) };
}

function emptyLists(type: JobType): Json {
  if (type === JobType.Preheat) return { truncated: false, success_peers: [], failure_peers: [] };
  return type === JobType.DeleteTask
    ? { truncated: false, success_peers: [], failure_peers: [], fenced_peers: [] }
    : { truncated: false, peers: [], failure_peers: [] };
}

function fullLists(detail: JobDetail): Json {
  if (detail.job.type === JobType.Preheat) return preheatLists(detail);
  const failures = targetsOf(detail, ['failed', 'skipped']);
  const views = viewsOf(detail);
  if (detail.job.type !== JobType.DeleteTask) {
    return {
      truncated: detail.listed.isCut || isTruncated(detail, [['failed', 'skipped'], ['answered']]),
      peers: heldPeersView(detail),
      failure_peers: views(failures),
    };
  }
  return {
    truncated: isTruncated(detail, [['failed', 'skipped'], ['deleted'], ['fenced']]),
    success_peers: views(targetsOf(detail, ['deleted'])),
    failure_peers: views(failures),
    fenced_peers: views(targetsOf(detail, ['fenced'])),
  };
}

function preheatLists(detail: JobDetail): Json {
  const views = viewsOf(detail);
  return {
    truncated: isTruncated(detail, [
      ['failed', 'skipped'],
      ['preheated', 'already_here'],
    ]),
    success_peers: views(targetsOf(detail, ['preheated', 'already_here'])),
    failure_peers: views(targetsOf(detail, ['failed', 'skipped'])),
  };
}

function viewsOf(detail: JobDetail): (targets: readonly TargetRecord[]) => Json[] {
  return (targets) => targets.map((target) => targetPeerView(target, clusterOf(detail, target)));
}

/** Hosts with what each holds: of `get_task` the one task, of `list_tasks` an element a task of the page. */
function heldPeersView(detail: JobDetail): Json[] {
  if (!asksHosts(detail.job.type)) return []; // Who answered were schedulers.
  if (detail.job.type === JobType.ListTasks) {
    return detail.listed.entries.map(({ target, task }) => ({
      ...targetHostView(target, clusterOf(detail, target)),
      task: heldTaskView(task),
    }));
  }
  return targetsOf(detail, ['answered']).map((target) => ({
    ...targetHostView(target, clusterOf(detail, target)),
    task: target.task === undefined ? null : heldTaskView(target.task),
  }));
}

function pageFacts({ job, listed }: JobDetail): Json {
  if (job.type !== JobType.ListTasks) return {};
  const { page = 1, per_page: perPage = 10 } = job.args as { page?: number; per_page?: number };
  return { page, per_page: perPage, total_count: listed.totalCount };
}

/** The listed targets of these outcomes, by cluster, host name, ip, id. */
export function targetsOf(
  detail: JobDetail,
  outcomes: readonly TargetOutcome[],
  clusterId?: number,
): TargetRecord[] {
  return detail.targets
    .filter(
      (target) =>
        outcomes.includes(target.outcome) &&
        (clusterId === undefined || target.clusterId === clusterId),
    )
    .sort(byListOrder)
    .slice(0, LISTED_TARGETS_MAX);
}

function byListOrder(left: TargetRecord, right: TargetRecord): number {
  return (
    left.clusterId - right.clusterId ||
    compare(left.host.host_name, right.host.host_name) ||
    compare(left.host.ip, right.host.ip) ||
    compare(left.host.id, right.host.id)
  );
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function isTruncated(detail: JobDetail, lists: readonly (readonly TargetOutcome[])[]): boolean {
  return lists.some((outcomes) => {
    const total = detail.clusters.reduce(
      (sum, { counts }) => sum + outcomes.reduce((part, outcome) => part + counts[outcome], 0),
      0,
    );
    return detail.job.type === JobType.ListTasks && outcomes.includes('answered')
      ? false
      : total > LISTED_TARGETS_MAX;
  });
}

function clusterOf(
  { clusters }: JobDetail,
  { clusterId }: TargetRecord,
): {
  readonly id: number;
  readonly name: string;
} {
  return { id: clusterId, name: clusters.find(({ id }) => id === clusterId)?.name ?? '' };
}
