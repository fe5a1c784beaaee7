import { JobType, TargetOutcome } from '@pondhawk/jobs';
import { sql } from 'kysely';
import type { CommandContext } from '../command-context.js';
import type { HandlerOf } from './command-handler.js';
import { loadLogState } from './purges.js';

/** @see LedgerCommands */
export const recordLater: HandlerOf<'record-later'> = async (context, input) => {
  const { db } = context;
  const state = await loadLogState(context, input.clusterId);
  if (state.epoch !== input.epoch) return { changedTargetCount: 0 };
  let changedTargetCount = 0;
  const changedJobs = new Set<number>();
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
      .where((eb) => eb.or([eb('later', 'is', null), eb('later', '!=', outcome)]))
      .returning('job_id')
      .execute();
    changedTargetCount += changed.length;
    for (const { job_id } of changed) changedJobs.add(job_id);
  }
  for (const jobId of changedJobs) await appendLater(context, jobId);
  return { changedTargetCount };
};

/** Tells how many hosts of a job have done what by now, after it had given them up. */
async function appendLater(context: CommandContext, jobId: number): Promise<void> {
  const rows = await context.db
    .selectFrom('targets')
    .select(['later', sql<number>`count(*)`.as('count')])
    .where('job_id', '=', jobId)
    .where('later', 'is not', null)
    .groupBy('later')
    .execute();
  const later = new Map(rows.map((row) => [row.later ?? '', row.count]));
  const data = { later: Object.fromEntries(later) };
  await context.appendEvent({ jobId, kind: 'targets-later', data });
}
