import {
  InvalidArgumentError,
  InvariantError,
  type PurgeNumber,
  type TaskId,
} from '@pondhawk/core';
import { chainHash } from '@pondhawk/purge';
import type { PurgeAnswer, PurgeLog } from '../purge-log/index.js';

/** How long a call waits for the entries before its own. */
export const EARLIER_ENTRIES_WAIT_MS = 3_000;

/** What a numbered deletion needs. */
export interface PurgeTaskParts {
  readonly purges: PurgeLog;
  readonly clusterId: number;
  /** Asks the home scheduler for the entries that this host lacks. */
  readonly fetchEntries: () => Promise<void>;
}

/**
 * Makes sure that a purge and all before it are applied here, and answers what became of it. The
 * same number gives the same answer, whether it came by this call or on the stream.
 *
 * @throws InvalidArgumentError (`OTHER_CLUSTER`); UnavailableError (`PURGE_NOT_REACHED`) when the
 *   entries before it do not come; InvariantError (`UNLINK_FAILED`) and others that a removal fails with.
 */
export async function purgeTask(
  parts: PurgeTaskParts,
  purge: PurgeNumber,
  taskId: TaskId,
): Promise<Exclude<PurgeAnswer, { readonly outcome: 'failed' }>> {
  const { purges, clusterId } = parts;
  if (purge.clusterId !== clusterId) {
    throw new InvalidArgumentError(
      'OTHER_CLUSTER',
      `pondhawk-purge names cluster ${purge.clusterId}; this host belongs to ${clusterId}.`,
      { details: { field: 'pondhawk-purge' } },
    );
  }
  const { epoch, seq } = purge;
  const { epoch: ownEpoch, applied, hash } = purges.position;
  if (ownEpoch === epoch && applied + 1 === seq) {
    purges.take(epoch, [{ seq, taskId, chainHash: chainHash(hash, seq, taskId) }]);
  } else if (!purges.hasApplied(epoch, seq)) {
    const waiting = purges.whenApplied(epoch, seq, EARLIER_ENTRIES_WAIT_MS);
    waiting.catch(() => undefined); // Awaited below.
    // Should the home not answer, the stream may still bring them; the wait tells if neither does.
    await parts.fetchEntries().catch(() => undefined);
    await waiting;
  }
  const answer = await purges.answerOf(seq, taskId);
  if (answer.outcome === 'failed') throw new InvariantError(answer.code, answer.message);
  return answer;
}
