import { CANCELLED } from '@pondhawk/contracts';
import { type JobType, OrderState, TargetOutcome, isManagersOwn } from '@pondhawk/jobs';
import type { CommandContext } from '../command-context.js';
import type { JobRow } from '../tables.js';

/** Whether a cancel left something of the job undone; one that came too late did not. */
export async function isCutShort({ db }: CommandContext, job: JobRow): Promise<boolean> {
  if (job.cancelled_at_ms === null) return false;
  if (isManagersOwn(job.type as JobType)) return true; // It ends the moment it is cancelled, or by itself before.
  const order = await db
    .selectFrom('orders')
    .select('id')
    .where('job_id', '=', job.id)
    .where('state', '=', OrderState.Cancelled)
    .limit(1)
    .executeTakeFirst();
  if (order !== undefined) return true;
  const spared = await db
    .selectFrom('targets')
    .select('node')
    .where('job_id', '=', job.id)
    .where('outcome', '=', TargetOutcome.Skipped)
    .where('code', '=', CANCELLED)
    .limit(1)
    .executeTakeFirst();
  return spared !== undefined;
}
