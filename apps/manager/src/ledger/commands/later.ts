import { JobType, TargetOutcome } from '@pondhawk/jobs';
import type { HandlerOf } from './command-handler.js';
import { loadLogState } from './purges.js';

/** @see LedgerCommands */
export const recordLater: HandlerOf<'record-later'> = async (context, input) => {
  const { db } = context;
  const state = await loadLogState(context, input.clusterId);
  if (state.epoch !== input.epoch) return { changedTargetCount: 0 };
  let changedTargetCount = 0;
  for (const { hostId, seq, outcome } of input.outcomes) {
    const jobs = db
      .selectFrom('job_clusters')
      .innerJoin('jobs', 'jobs.id', 'job_clusters.job_id')
      .select('jobs.id')
      .where('job_clusters.scheduler_cluster_id', '=', input.clusterId)
      .where('job_clusters.purge_seq', '=', seq)
      .where('jobs.type', '=', JobType.DeleteTask);
    const changed = await db
      .updateTable('targets')
      .set({ later: outcome })
      .where('job_id', 'in', jobs)
      .where('node', '=', `host:${hostId}`)
      .where('outcome', 'in', [TargetOutcome.Failed, TargetOutcome.Fenced, TargetOutcome.Skipped])
      .returning(['job_id', 'node'])
      .execute();
    changedTargetCount += changed.length;
    for (const { job_id, node } of changed) {
      const data = { node, later: outcome };
      await context.appendEvent({ jobId: job_id, kind: 'target-later', data });
    }
  }
  return { changedTargetCount };
};
