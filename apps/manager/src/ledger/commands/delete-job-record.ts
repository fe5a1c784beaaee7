import { ConflictError, NotFoundError } from '@pondhawk/core';
import { type JobPhase, isJobEnded } from '@pondhawk/jobs';
import type { CommandContext } from '../command-context.js';
import type { HandlerOf } from './command-handler.js';

const TABLES_OF_A_JOB = [
  ...(['targets', 'absent_hosts', 'orders'] as const),
  ...(['outbox', 'events', 'locks', 'job_clusters'] as const),
] as const;

/** @see LedgerCommands */
export const deleteJobRecord: HandlerOf<'delete-job-record'> = async (context, { jobId }) => {
  const { db } = context;
  const job = await db
    .selectFrom('jobs')
    .select('phase')
    .where('id', '=', jobId)
    .executeTakeFirst();
  if (job === undefined) {
    throw new NotFoundError('JOB_NOT_FOUND', `There is no job ${jobId}.`, { details: { jobId } });
  }
  if (!isJobEnded(job.phase as JobPhase)) {
    throw new ConflictError(
      'JOB_NOT_FINISHED',
      `Job ${jobId} has not ended; its record can be removed once it has.`,
      { details: { jobId } },
    );
  }
  await removeJob(context, jobId);
  return undefined;
};

/** Removes all rows of a job that has ended. Its idempotency key stays: the request is not to be carried out again. */
export async function removeJob({ db, changes }: CommandContext, jobId: number): Promise<void> {
  for (const table of TABLES_OF_A_JOB) {
    await db.deleteFrom(table).where('job_id', '=', jobId).execute();
  }
  await db.deleteFrom('jobs').where('id', '=', jobId).execute();
  changes.push({ jobId, kind: 'job-deleted' });
}
