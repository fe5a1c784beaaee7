import { type JobDetail, LISTED_TARGETS_MAX, type TargetRecord } from '../ledger/index.js';
import { type Json, descriptionOf } from './peer-view.js';
import { targetsOf } from './result-lists-view.js';

/** Dragonfly's result of a preheat in one cluster: an element for each URL and host, at most 1,000 a list. */
export function preheatResultView(detail: JobDetail, clusterId: number): Json {
  const urls = urlsOf(detail);
  const good: Json[] = [];
  const bad: Json[] = [];
  const outcomes = ['failed', 'skipped', 'preheated', 'already_here'] as const;
  for (const target of targetsOf(detail, outcomes, clusterId)) {
    for (const { id, outcome, code, message } of tasksOf(detail, target)) {
      const { host_name: hostname, ip, type: host_type } = target.host;
      const facts = { url: urls.get(id) ?? '', task_id: id, hostname, ip, host_type };
      const isGood = outcome === 'preheated' || outcome === 'already_here';
      if (isGood) good.push(facts);
      else bad.push({ ...facts, description: descriptionOf({ code, message }) });
    }
  }
  return {
    success_tasks: good.slice(0, LISTED_TARGETS_MAX),
    failure_tasks: bad.slice(0, LISTED_TARGETS_MAX),
    scheduler_cluster_id: clusterId,
  };
}

/** A host that told nothing of its tasks failed all that may have been its share. */
function tasksOf(
  detail: JobDetail,
  { preheats, outcome, code, message }: TargetRecord,
): readonly Pick<TargetRecord & { readonly id: string }, 'id' | 'outcome' | 'code' | 'message'>[] {
  return preheats ?? [...urlsOf(detail).keys()].map((id) => ({ id, outcome, code, message }));
}

/** As they may be shown, by task id. */
function urlsOf({ job }: JobDetail): ReadonlyMap<string, string> {
  const { urls = [], task_ids: ids = [] } = job.args as {
    readonly urls?: readonly string[];
    readonly task_ids?: readonly string[];
  };
  return new Map(ids.map((id, index) => [id, urls[index] ?? '']));
}
