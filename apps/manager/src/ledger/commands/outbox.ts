import { toOutboxMessage } from '../outbox-rows.js';
import { inSets, valueSet } from '../row-set.js';
import type { OutboxMessage } from '../records.js';
import type { HandlerOf } from './command-handler.js';

/** @see LedgerCommands */
export const markSent: HandlerOf<'mark-sent'> = async ({ db, dialect }, { atMs, outboxIds }) => {
  for (const ids of inSets(outboxIds)) {
    await db
      .updateTable('outbox')
      .set({ sent_at_ms: atMs })
      .where('sent_at_ms', 'is', null)
      .where('id', 'in', valueSet<number>(dialect, ids))
      .execute();
  }
  return undefined;
};

/** @see LedgerCommands */
export const raiseSend: HandlerOf<'raise-send'> = async ({ db, dialect }, { outboxIds }) => {
  const messages: OutboxMessage[] = [];
  for (const ids of inSets(outboxIds)) {
    const rows = await db
      .updateTable('outbox')
      .set((eb) => ({ send_count: eb('send_count', '+', 1), sent_at_ms: null }))
      .where('id', 'in', valueSet<number>(dialect, ids))
      .returningAll()
      .execute();
    messages.push(...rows.map(toOutboxMessage));
  }
  return messages.sort((left, right) => left.id - right.id);
};
