import { JobType, NO_TARGETS, type TargetCounts, isTargetOutcome } from '@pondhawk/jobs';
import { sql } from 'kysely';
import { countAbsent } from '../absent-queries.js';
import type { CommandContext } from '../command-context.js';
import type { JobRow } from '../tables.js';

/** How far a job is, as its events tell it. */
export interface JobProgress {
  readonly counts: TargetCounts & { readonly targets: number };
  /** Only of deletes. */
  readonly deleted_bytes?: number;
}

/** Counts a job's targets as they stand in this transaction. */
export async function loadProgress({ db }: CommandContext, job: JobRow): Promise<JobProgress> {
  const rows = await db
    .selectFrom('targets')
    .select([
      'outcome',
      sql<number>`count(*)`.as('count'),
      sql<number>`sum(deleted_bytes)`.as('bytes'),
    ])
    .where('job_id', '=', job.id)
    .groupBy('outcome')
    .execute();
  const counts = { targets: 0, ...NO_TARGETS };
  for (const { count } of await countAbsent({ db }, [job.id])) {
    counts.absent += count;
    counts.targets += count;
  }
  let bytes = 0;
  for (const row of rows) {
    if (isTargetOutcome(row.outcome)) counts[row.outcome] += row.count;
    counts.targets += row.count;
    bytes += row.bytes;
  }
  return { counts, ...(job.type === JobType.DeleteTask ? { deleted_bytes: bytes } : {}) };
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
