/** What a report says of one host. */

import { TargetReport, toHostRecord, type commonV2, type pondhawkV1 } from '@pondhawk/contracts';
import type { HostAnswer } from './host-caller.js';

/** A target as it stands now. */
export function targetReport(
  host: commonV2.Host,
  nowMs: number,
  facts: Partial<TargetReport>,
): TargetReport {
  return Object.assign(new TargetReport(), {
    node: `host:${host.id}`,
    host: toHostRecord(host),
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
