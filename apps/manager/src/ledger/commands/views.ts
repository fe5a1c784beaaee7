import { ConflictError } from '@pondhawk/core';
import type { HandlerOf } from './command-handler.js';
import { loadLogState } from './purges.js';

/** @see LedgerCommands */
export const issueView: HandlerOf<'issue-view'> = async (context, input) => {
  const scheduler = await context.db
    .selectFrom('schedulers')
    .select('incarnation')
    .where('id', '=', input.schedulerId)
    .where('scheduler_cluster_id', '=', input.clusterId)
    .executeTakeFirst();
  // What a former start was told of its connections may have been forgotten by now.
  if (scheduler?.incarnation !== input.schedulerIncarnation) {
    throw new ConflictError(
      'SCHEDULER_NOT_CURRENT',
      `scheduler_incarnation: scheduler ${input.schedulerId} has not enrolled by this start, or by a later one since.`,
      { details: { field: 'scheduler_incarnation' } },
    );
  }
  return loadLogState(context, input.clusterId);
};
