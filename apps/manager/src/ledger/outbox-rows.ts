import type { JobMessageType } from '@pondhawk/contracts';
import type { ReadContext } from './job-queries.js';
import type { OutboxMessage } from './records.js';
import type { OutboxRow } from './tables.js';

/** A row of the outbox as the relay takes it. */
export function toOutboxMessage(row: OutboxRow): OutboxMessage {
  return {
    id: row.id,
    sendCount: row.send_count,
    jobId: row.job_id,
    orderId: row.order_id,
    clusterId: row.scheduler_cluster_id,
    schedulerId: row.scheduler_id,
    type: row.type as JobMessageType,
    payload: row.payload,
  };
}

/** When the oldest message was made that is not marked sent. */
export async function findOldestUnsentAtMs({ db }: ReadContext): Promise<number | undefined> {
  const row = await db
    .selectFrom('outbox')
    .select('created_at_ms')
    .where('sent_at_ms', 'is', null)
    .orderBy('id')
    .executeTakeFirst();
  return row?.created_at_ms;
}
