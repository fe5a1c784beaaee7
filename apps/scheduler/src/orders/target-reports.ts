/** What a report says of one host. */

import { TargetReport, toHostRecord, type pondhawkV1 } from '@pondhawk/contracts';
import type { HostAnswer } from './host-caller.js';
import type { OrderHost } from './order-hosts.js';

/** Whom a target is of. */
export type TargetHost = Pick<OrderHost, 'record'> & Partial<Pick<OrderHost, 'daemon'>>;

/** A target as it stands now; its record says which daemon is meant, as the order's did. */
export function targetReport(
  { record, daemon }: TargetHost,
  nowMs: number,
  facts: Partial<TargetReport>,
): TargetReport {
  const host = toHostRecord(record);
  if (daemon !== undefined) {
    host.incarnation = daemon.incarnation;
    host.folder_lock = daemon.lock;
  }
  return Object.assign(new TargetReport(), {
    node: `host:${record.id}`,
    host,
    started_at_ms: nowMs,
    ...facts,
  });
}

/** What an answer to a call means. */
export function toOutcome(answer: HostAnswer): Partial<TargetReport> {
  switch (answer.outcome) {
    case 'deleted':
      return {
        outcome: 'deleted',
        ...(answer.deletedBytes === undefined ? {} : { deleted_bytes: answer.deletedBytes }),
      };
    case 'absent':
      return { outcome: 'absent' };
    case 'answered':
      return { outcome: 'answered', task: answer.task };
    case 'failed':
      return { outcome: 'failed', code: answer.code, message: answer.message };
  }
}

/** What an outcome that came on the host's stream means, as the answer to a call would. */
export function toHostAnswer(outcome: pondhawkV1.PurgeOutcome): HostAnswer {
  switch (outcome.outcome) {
    case 'deleted':
      return { outcome: 'deleted', deletedBytes: Number(outcome.deletedBytes) };
    case 'absent':
      return { outcome: 'absent' };
    default: {
      const { code, message } = outcome;
      return { outcome: 'failed', code: code || 'HOST_FAILED', message, isRetryable: false };
    }
  }
}
