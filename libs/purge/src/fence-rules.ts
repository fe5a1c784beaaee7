import { type LeaseTiming, boundMs } from './timing.js';

/** What one manager process has measured of a row, by its own monotonic clock. */
export interface RowMeasure {
  /** When its connection was reported lost, or the process's start if that came before. */
  readonly lostAtMs: number | undefined;
  /** When its scheduler's incarnation was last given a view, the process's start at the earliest. */
  readonly viewedAtMs: number;
}

/** R9: whether a row counts as leased, so that its host is a target. */
export function countsAsLeased(row: RowMeasure, nowMs: number, timing: LeaseTiming): boolean {
  return leasedForMs(row, nowMs, timing) > 0;
}

/** R9: for how long a row still counts as leased if nothing more is heard; 0 or less: it does not. */
export function leasedForMs(row: RowMeasure, nowMs: number, timing: LeaseTiming): number {
  const untilMs = row.viewedAtMs + boundMs(timing);
  if (row.lostAtMs === undefined) return untilMs - nowMs;
  return Math.min(untilMs, row.lostAtMs + timing.hostLeaseMs + timing.marginMs) - nowMs;
}

/** R9: a process that has not run for one bound may not know all leases that are out. */
export function isCautious(startedAtMs: number, nowMs: number, timing: LeaseTiming): boolean {
  return nowMs - startedAtMs < boundMs(timing);
}

/** R8, the clock: no lease without an entry is left one bound after it was seen committed. */
export function isBoundOver(seenAtMs: number, nowMs: number, timing: LeaseTiming): boolean {
  return nowMs - seenAtMs >= boundMs(timing);
}

/** Who a target or an answer is. The lock is the identity of the data folder's lock file; empty: unknown. */
export interface DaemonIdentity {
  readonly hostId: string;
  readonly incarnation: string;
  readonly lock: string;
}

/** R10: whether one daemon's answer is a target's: itself, or the next that holds its lock. */
export function standsFor(answer: DaemonIdentity, target: DaemonIdentity): boolean {
  if (answer.hostId !== target.hostId) return false;
  if (answer.incarnation === target.incarnation) return true;
  return answer.lock !== '' && answer.lock === target.lock;
}

/** What a ledger and its witness are compared by. */
export interface Witnessed {
  readonly epoch: string;
  readonly head: number;
  /** Number of the newest waiver. */
  readonly waiver: number;
}

/** Whether a ledger may have gone back: the witness is missing, of another epoch, or ahead. */
export function mustRenewEpoch(witness: Witnessed | undefined, ledger: Witnessed): boolean {
  if (witness === undefined || witness.epoch !== ledger.epoch) return true;
  return witness.head > ledger.head || witness.waiver > ledger.waiver;
}
