/** What can be done about daemons that know no purge log: they are called, once more after the bound, and asked. */

import type { LogState } from './purge-entry.js';
import { type LeaseTiming, boundMs } from './timing.js';

/** What came of a call to such a daemon. */
export interface ForeignAnswer {
  readonly outcome: 'deleted' | 'absent' | 'answered' | 'failed';
  /** Of a failure: whether another try may do. */
  readonly isRetryable?: boolean;
}

/** Other daemons answer INTERNAL with such a text where ours answer NOT_FOUND. */
const ABSENT_TEXT = /task \S* ?not found/i;

/** Whether a daemon says by the text of its error that it does not have a task. */
export function saysAbsent(text: string): boolean {
  return ABSENT_TEXT.test(text);
}

/** Whether a daemon that announces itself must be called about what it was not told of; otherwise orders call it. */
export function isForeignBehind(host: {
  readonly isConnected: boolean;
  readonly isBehind: boolean;
}): boolean {
  return host.isBehind || !host.isConnected;
}

/** Whether an answer ends the telling of one purge; otherwise the next announcement has it told again. */
export function isForeignTold(answer: ForeignAnswer): boolean {
  return answer.outcome !== 'failed' || answer.isRetryable !== true;
}

/** When the call for a purge that is told now is repeated: others may hand it bytes of before for one bound. */
export function foreignRepeatAt(nowMs: number, timing: LeaseTiming): number {
  return nowMs + boundMs(timing);
}

/** Whether a daemon that was asked after the repetition holds the task all the same. */
export function isStillHeld(found: ForeignAnswer): boolean {
  return found.outcome === 'answered';
}

/**
 * The number up to which a daemon that is put into a log counts as told.
 *
 * @param start where the log stood when it was first followed here: what came before is not made up for.
 * @param entriesMax so many at most are told, the newest.
 */
export function foreignStart(
  log: LogState,
  start: { readonly epoch: string; readonly head: number } | undefined,
  entriesMax: number,
): number {
  // Another log numbers on above the former one, which has nothing more to say.
  const from = start?.epoch === log.epoch ? start.head : log.first - 1;
  return Math.max(from, log.head - entriesMax);
}
