import type { JobMessageType } from '@pondhawk/contracts';
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
