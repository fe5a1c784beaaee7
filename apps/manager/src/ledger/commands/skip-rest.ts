import { CANCELLED, unpackHosts } from '@pondhawk/contracts';
import { TargetOutcome } from '@pondhawk/jobs';
import type { CommandContext } from '../command-context.js';
import type { OrderRow } from '../tables.js';
import { mergeTargets } from './merge-targets.js';
import { appendTargetsChanged } from './progress.js';
import { requireJob } from './end-job.js';

const REASON = {
  code: CANCELLED,
  message: 'The job was cancelled before this host was asked.',
};

/** Whoever of a cancelled order has not ended is skipped: those that were reported pending, and those that nobody reported. */
export async function skipRest(context: CommandContext, order: OrderRow): Promise<void> {
  const { db, atMs } = context;
  const pending = await db
    .updateTable('targets')
    .set({ outcome: TargetOutcome.Skipped, ...REASON, ended_at_ms: atMs })
    .where('order_id', '=', order.id)
    .where('outcome', '=', TargetOutcome.Pending)
    .executeTakeFirst();
  // Over any outcome that is there `skipped` changes nothing.
  const unreported = unpackHosts(order.hosts).map((host) => ({
    node: `host:${host.id}`,
    host,
    outcome: TargetOutcome.Skipped,
    ...{ try: 0, attempts: 0, started_at_ms: atMs, ended_at_ms: atMs },
    ...REASON,
  }));
  const addedCount = await mergeTargets(context, order, unreported);
  if (Number(pending.numUpdatedRows) + addedCount === 0) return;
  await appendTargetsChanged(context, await requireJob(context, order.job_id), order.id);
}
