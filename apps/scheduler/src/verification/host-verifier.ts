/** Whether a host still serves what it was to delete, seen from outside. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { commonV2, OrderPurge, TargetVerification } from '@pondhawk/contracts';
import { isNewerThanPurge } from '@pondhawk/purge';
import { askAsStranger, type ChannelPool, type StrangerAnswer } from '@pondhawk/rpc';
import type { PurgeFeed } from '../fleet/purge-feed.js';

/** How often a host is asked that serves something, or cannot be asked, before that is its verdict. */
export const VERIFY_ROUNDS_MAX = 3;
const ROUND_PAUSE_MS = 200;
/** The name under which other daemons log the question. */
const ASKER_ID = 'pondhawk-verify';

/** What was to be deleted. */
export interface VerifiedPurge extends OrderPurge {
  readonly taskId: string;
}

/** Asks hosts from outside; a port, so that orders can be tried without a network. */
export abstract class HostVerifier {
  /** Never rejects: what goes wrong is a verdict too. */
  abstract verify(
    host: commonV2.Host,
    purge: VerifiedPurge,
    timeoutMs: number,
  ): Promise<TargetVerification>;
}

/**
 * Asks as any stranger could, at the piece port. A host that serves is asked again before it is judged:
 * only a copy that it began after the purge clears it, and only if the bytes are that copy's.
 */
export class StrangerVerifier extends HostVerifier {
  constructor(
    private readonly channels: ChannelPool,
    private readonly feed: Pick<PurgeFeed, 'state'>,
  ) {
    super();
  }

  async verify(
    host: commonV2.Host,
    purge: VerifiedPurge,
    timeoutMs: number,
  ): Promise<TargetVerification> {
    const endsAtMs = performance.now() + timeoutMs;
    let verdict: TargetVerification = { state: 'unreachable', message: 'There was no time left.' };
    for (let round = 1; round <= VERIFY_ROUNDS_MAX; round += 1) {
      const leftMs = endsAtMs - performance.now();
      if (leftMs <= 0) break;
      const answer = await askAsStranger({
        host,
        client: this.channels.get(`${host.ip}:${host.port}`),
        taskId: purge.taskId,
        askerId: ASKER_ID,
        timeoutMs: leftMs,
      });
      const seen = this.judge(answer, purge);
      if (seen.state === 'passed' || seen.state === 'newer_copy') return seen;
      // One that served and then cannot be asked any more has not cleared itself.
      if (verdict.state !== 'failed' || seen.state === 'failed') verdict = seen;
      if (round < VERIFY_ROUNDS_MAX) await sleep(ROUND_PAUSE_MS);
    }
    return verdict;
  }

  private judge(answer: StrangerAnswer, purge: VerifiedPurge): TargetVerification {
    if (answer.kind === 'refused') return { state: 'passed', message: '' };
    if (answer.kind === 'unreachable') return { state: 'unreachable', message: answer.reason };
    const { copy, cameBytes, pieceBytes, pieceNumber } = answer;
    const epochInForce = this.feed.state?.epoch ?? purge.log_epoch;
    const place = { epoch: purge.log_epoch, seq: purge.seq, epochInForce };
    if (copy !== undefined && isNewerThanPurge(copy, place)) {
      const message = `It serves a copy that it began at ${copy.filledAt}, after purge ${purge.seq}.`;
      return { state: 'newer_copy', message };
    }
    const piece = `${cameBytes} of the ${pieceBytes} bytes of piece ${pieceNumber} came when a stranger asked`;
    const why =
      copy === undefined
        ? 'it does not show that they are of a copy begun since'
        : `they are of a copy begun at ${copy.filledAt}, before purge ${purge.seq}`;
    return { state: 'failed', message: `${piece}, and ${why}.` };
  }
}
