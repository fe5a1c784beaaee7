import { JobType, type TargetCounts } from '@pondhawk/jobs';
import type { CommandContext } from '../command-context.js';
import { loadTallies, toCounts } from '../job-queries.js';
import type { JobRow } from '../tables.js';

/** How far a job is, as its events tell it. */
export interface JobProgress {
  readonly counts: TargetCounts & { readonly targets: number };
  /** Only of deletes. */
  readonly deleted_bytes?: number;
}

/** Counts a job's targets as they stand in this transaction. */
export async function loadProgress(context: CommandContext, job: JobRow): Promise<JobProgress> {
  const tallies = await loadTallies(context, [job.id]);
  const targets = tallies.reduce((sum, { count }) => sum + count, 0);
  const bytes = tallies.reduce((sum, { deleted_bytes }) => sum + deleted_bytes, 0);
  return {
    counts: { targets, ...toCounts(tallies) },
    ...(job.type === JobType.DeleteTask ? { deleted_bytes: bytes } : {}),
  };
}

/** Tells that targets of an order have other outcomes than before, and how many have which now. */
export async function appendTargetsChanged(
  context: CommandContext,
  job: JobRow,
  orderId: number,
): Promise<void> {
  const data = { order_id: orderId, ...(await loadProgress(context, job)) };
  await context.appendEvent({ jobId: job.id, kind: 'targets-changed', data });
}
