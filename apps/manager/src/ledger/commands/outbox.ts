import { ORDER_LEASE_MS, ORDER_STATES_ENDED, OrderState } from '@pondhawk/jobs';
import type { CommandContext } from '../command-context.js';
import { inSets, valueSet } from '../row-set.js';
import type { HandlerOf } from './command-handler.js';

/** @see LedgerCommands */
export const markSent: HandlerOf<'mark-sent'> = async (context, { atMs, messages }) => {
  const { db, dialect } = context;
  for (const sendCount of new Set(messages.map((message) => message.sendCount))) {
    const ids = messages.filter((one) => one.sendCount === sendCount).map(({ id }) => id);
    for (const set of inSets(ids)) {
      const sent = await db
        .updateTable('outbox')
        .set({ sent_at_ms: atMs })
        .where('sent_at_ms', 'is', null)
        // What is to be sent again meanwhile has another count, and has not been sent under it.
        .where('send_count', '=', sendCount)
        .where('id', 'in', valueSet<number>(dialect, set))
        .returning('order_id')
        .execute();
      await beginLeases(
        context,
        sent.map(({ order_id }) => order_id),
      );
    }
  }
  return undefined;
};

/** From now on their schedulers have them, or the broker has lost them. Those that report already hold a lease. */
async function beginLeases(
  { db, dialect, atMs }: CommandContext,
  orderIds: readonly number[],
): Promise<void> {
  if (orderIds.length === 0) return;
  await db
    .updateTable('orders')
    .set({ lease_until_ms: atMs + ORDER_LEASE_MS })
    .where('state', '=', OrderState.Queued)
    .where('id', 'in', valueSet<number>(dialect, orderIds))
    .execute();
}

/** @see LedgerCommands */
export const renewBroker: HandlerOf<'renew-broker'> = async (context, { lostEpoch, newEpoch }) => {
  const { epoch } = await context.db.selectFrom('broker').select('epoch').executeTakeFirstOrThrow();
  if (epoch !== lostEpoch) return { epoch, resentCount: 0 };
  return { epoch: newEpoch, resentCount: await leaveBroker(context, newEpoch) };
};

/** @see LedgerCommands */
export const recordStreams: HandlerOf<'record-streams'> = async ({ db }, input) => {
  await db
    .updateTable('broker')
    .set({
      jobs_created: input.jobsCreated,
      reports_created: input.reportsCreated,
      former_epoch: '',
    })
    .where('epoch', '=', input.epoch)
    .execute();
  return undefined;
};

/**
 * Goes on under another broker epoch: whatever the former streams hold is given up, and every order
 * that has not ended is to be sent again, under message ids that no broker has seen.
 *
 * @returns how many are sent again.
 */
export async function leaveBroker(
  context: Pick<CommandContext, 'db' | 'atMs'> & Partial<Pick<CommandContext, 'changes'>>,
  newEpoch: string,
): Promise<number> {
  const { db, atMs, changes } = context;
  await db
    .updateTable('broker')
    .set((eb) => ({
      former_epoch: eb.ref('epoch'),
      epoch: newEpoch,
      created_at_ms: atMs,
      jobs_created: '',
      reports_created: '',
    }))
    .execute();
  const unfinished = db
    .selectFrom('orders')
    .select('id')
    .where('state', 'not in', ORDER_STATES_ENDED);
  const resent = await db
    .updateTable('outbox')
    .set((eb) => ({ send_count: eb('send_count', '+', 1), sent_at_ms: null }))
    .where('order_id', 'in', unfinished)
    .returning('job_id')
    .execute();
  // Unsent again: their leases begin anew with the other broker.
  await db
    .updateTable('orders')
    .set({ lease_until_ms: null })
    .where('state', '=', OrderState.Queued)
    .execute();
  for (const { job_id } of resent) changes?.push({ jobId: job_id, kind: 'order-queued' });
  return resent.length;
}
