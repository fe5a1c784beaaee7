import { type JobPhase, isJobEnded, nextJobPhase } from '@pondhawk/jobs';
import type { CommandContext } from '../command-context.js';
import { parseObject } from '../job-rows.js';
import type { GcOrder } from '../retention-commands.js';
import type { JobRow } from '../tables.js';
import type { HandlerOf } from './command-handler.js';
import { endJob } from './end-job.js';
import { AGED_ROWS_MAX, removeJobs, truncateAudits } from './remove-aged.js';

/** @see LedgerCommands */
export const runGc: HandlerOf<'run-gc'> = async (context, { jobId }) => {
  const { db, atMs } = context;
  const job = await db.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirst();
  if (job === undefined || isJobEnded(job.phase as JobPhase)) return undefined;
  const order = parseObject(job.order_args)['gc'] as GcOrder;
  const { count: removedCount, isFull } = await removePart(context, order);
  const phase = nextJobPhase(job.phase as JobPhase, 'report');
  await db
    .updateTable('jobs')
    .set((eb) => ({
      phase,
      purged_count: eb('purged_count', '+', removedCount),
      updated_at_ms: atMs,
    }))
    .where('id', '=', jobId)
    .execute();
  if (phase !== job.phase) {
    await context.appendEvent({ jobId, kind: 'job-running', data: { phase } });
  }
  const { kind } = order;
  if (isFull) return { kind, removedCount };
  const running: JobRow = { ...job, phase };
  return { kind, removedCount, ended: await endJob(context, running, { isTimedOut: false }) };
};

/** The job itself stays: it has not ended. */
async function removePart(
  context: CommandContext,
  { kind, ageMsMax }: GcOrder,
): Promise<{ readonly count: number; readonly isFull: boolean }> {
  if (kind === 'job') return removeJobs(context, { jobAgeMsMax: ageMsMax });
  const count = await truncateAudits(context, { auditAgeMsMax: ageMsMax });
  return { count, isFull: count === AGED_ROWS_MAX };
}
