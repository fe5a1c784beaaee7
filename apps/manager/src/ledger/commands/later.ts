import { JobType, TargetOutcome } from '@pondhawk/jobs';
import { sql } from 'kysely';
import type { LateOutcome } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import type { HandlerOf } from './command-handler.js';
import { isToldOfMeant, takeLateAnswers } from './late-answers.js';
import { loadLogState } from './purges.js';

/** @see LedgerCommands */
export const recordLater: HandlerOf<'record-later'> = async (context, input) => {
  const { db } = context;
  const state = await loadLogState(context, input.clusterId);
  if (state.epoch !== input.epoch) return { changedTargetCount: 0 };
  let changedTargetCount = 0;
  const changedJobs = new Set<number>();
  for (const told of input.outcomes) {
    const jobIds = await findShown(context, input.clusterId, told);
    if (jobIds.length === 0) continue;
    await db
      .updateTable('targets')
      .set({ later: told.outcome })
      .where('node', '=', `host:${told.hostId}`)
      .where('job_id', 'in', jobIds)
      .execute();
    changedTargetCount += jobIds.length;
    for (const jobId of jobIds) changedJobs.add(jobId);
  }
  for (const jobId of changedJobs) await appendLater(context, jobId);
  // After it: beside what ends by this nothing was done later.
  changedTargetCount += await takeLateAnswers(context, input);
  return { changedTargetCount };
};

/** The jobs beside whose target it is news: of that number, given up, and meaning this daemon (R10). */
async function findShown(
  { db }: CommandContext,
  clusterId: number,
  told: LateOutcome,
): Promise<readonly number[]> {
  const { hostId, seq, outcome } = told;
  const rows = await db
    .selectFrom('targets')
    .innerJoin('job_clusters', 'job_clusters.job_id', 'targets.job_id')
    .innerJoin('jobs', 'jobs.id', 'targets.job_id')
    .select(['targets.job_id as job_id', 'targets.host as host'])
    .where('job_clusters.scheduler_cluster_id', '=', clusterId)
    .where('job_clusters.purge_seq', '=', seq)
    .where('jobs.type', '=', JobType.DeleteTask)
    .where('targets.scheduler_cluster_id', '=', clusterId)
    .where('targets.node', '=', `host:${hostId}`)
    .where('targets.outcome', 'in', [
      TargetOutcome.Failed,
      TargetOutcome.Fenced,
      TargetOutcome.Skipped,
    ])
    .where((eb) => eb.or([eb('targets.later', 'is', null), eb('targets.later', '!=', outcome)]))
    .execute();
  return rows.filter(({ host }) => isToldOfMeant(told, host)).map(({ job_id }) => job_id);
}

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
