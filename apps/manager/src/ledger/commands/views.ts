import type { HandlerOf } from './command-handler.js';
import { loadAllowances } from './purge-targets.js';
import { loadLogState } from './purges.js';
import { requireCurrent } from './scheduler-incarnations.js';

/** @see LedgerCommands */
export const issueView: HandlerOf<'issue-view'> = async (context, input) => {
  await requireCurrent(context, input);
  const { view_count: count } = await context.db
    .updateTable('schedulers')
    .set((eb) => ({ view_count: eb('view_count', '+', 1) }))
    .where('id', '=', input.schedulerId)
    .returning('view_count')
    .executeTakeFirstOrThrow();
  // Noted before the head is read: a lease may be given on what is read from here on. (R5)
  context.leases.of(input.clusterId).seeViews(input.schedulerIncarnation, count);
  const log = await loadLogState(context, input.clusterId, { isShared: true });
  const { allowsForeignParents } = await loadAllowances(context, input.clusterId);
  return { ...log, allowsForeignParents };
};
