import type { TaskId } from '@pondhawk/core';
import type { LogState, PurgeEntry } from './purge-entry.js';

/** What a host stores of one task, as far as the rules ask. Its epoch is the host's. */
export interface CopyRow {
  readonly copyId: string;
  readonly taskId: TaskId;
  readonly filledAt: number;
  readonly state: 'filling' | 'complete' | 'purged';
}

/** Where a host or a fill stands. */
export interface Place {
  readonly epoch: string;
  readonly applied: number;
}

/** Apply: strictly in order of numbers, so that nothing is left out and nothing done twice. */
export function isNextEntry(host: Pick<Place, 'applied'>, entry: Pick<PurgeEntry, 'seq'>): boolean {
  return entry.seq === host.applied + 1;
}

/** R1: a copy's place is the host's when its row is written, before the first byte is asked for. */
export function filledAtOf(applied: { readonly atRow: number; readonly atEnd: number }): number {
  return applied.atRow;
}

/** Apply, step 1: whether an entry marks a copy. */
export function isPurgedBy(copy: CopyRow, entry: Pick<PurgeEntry, 'seq' | 'taskId'>): boolean {
  return copy.taskId === entry.taskId && copy.filledAt < entry.seq;
}

/** R2, the parent's half: what it says to a child whose fill stands at `child`. */
export function answerToChild(
  parent: Place,
  copy: Pick<CopyRow, 'state'> | undefined,
  child: Place,
): 'SEND' | 'BEHIND' | 'GONE' {
  if (copy === undefined || copy.state === 'purged' || parent.epoch !== child.epoch) return 'GONE';
  return parent.applied >= child.applied ? 'SEND' : 'BEHIND';
}

/** R2, the child's half: the fill that an arriving piece belongs to. */
export function fillOfPiece<C extends CopyRow>(
  copies: readonly C[],
  piece: { readonly taskId: TaskId; readonly copyId: string },
): C | undefined {
  return copies.find((copy) => copy.copyId === piece.copyId && copy.state === 'filling');
}

/** Whether a copy can become complete: one that was purged meanwhile cannot. */
export function mayComplete(copy: Pick<CopyRow, 'state'>): boolean {
  return copy.state === 'filling';
}

/** R3: whether the next chunk may leave; asked in the turn of each write. */
export function mayWriteChunk(now: {
  readonly isLeaseValid: boolean;
  readonly state: CopyRow['state'];
  /** The upload's first chunk has left already. */
  readonly isUnderWay: boolean;
}): boolean {
  return now.isLeaseValid && now.state !== 'purged';
}

/** R7: whether a host must drop everything before it can follow a log. */
export function mustDropAll(host: Place, log: Pick<LogState, 'epoch' | 'first'>): boolean {
  return host.epoch !== log.epoch || host.applied + 1 < log.first;
}

/** R7: which copies go then: all, and fills too. */
export function isDroppedByReset(copy: CopyRow): boolean {
  return copy.state !== 'purged';
}

/** An answer names what is marked and durable, not what has only been heard of. */
export function answeredNumber(host: {
  readonly applied: number;
  readonly heardOf: number;
}): number {
  return host.applied;
}

/**
 * Whether a copy that a host serves is none that a purge was to delete, going by where the host says it
 * was begun. Another log id than that of the purge is believed only if it is the one in force: copies of
 * others were to be dropped (R7).
 */
export function isNewerThanPurge(
  copy: { readonly logEpoch: string; readonly filledAt: number },
  purge: { readonly epoch: string; readonly seq: number; readonly epochInForce: string },
): boolean {
  const isOfLog = copy.logEpoch === purge.epoch || copy.logEpoch === purge.epochInForce;
  return isOfLog && copy.filledAt >= purge.seq;
}
