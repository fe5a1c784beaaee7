import type { ClockReadings } from '@pondhawk/core';
import { isLeaseOver } from './lease-rules.js';
import type { LogState } from './purge-entry.js';
import type { LeaseLengths } from './timing.js';
import type { Waiver } from './waiver-rules.js';

/** Where the ledger's log stood, read in a new transaction after it was asked for. */
export interface LedgerReading {
  readonly epoch: string;
  /** Random, new at each start of a manager. */
  readonly run: string;
  readonly head: number;
  /** Absent: never given. */
  readonly waiver?: Waiver;
}

/** A scheduler's view (R5): a reading with the request that it answered. */
export interface View extends LedgerReading, LeaseLengths {
  readonly number: number;
  /** The scheduler's clocks when it asked; the view runs from then. */
  readonly requestedAt: ClockReadings;
}

/** All of `GrantRefusal`. */
export const GRANT_REFUSALS = [
  'NO_VIEW',
  'VIEW_OLD',
  'NOT_ENROLLED',
  'OTHER_RUN',
  'LOG_BEHIND',
] as const;

/** Why a scheduler grants no lease. */
export type GrantRefusal = (typeof GRANT_REFUSALS)[number];

/** When a view that is received at some instant runs from. */
export type ViewStart = (requestedAt: ClockReadings, received: ClockReadings) => ClockReadings;

/** R5: from when it was asked for, whenever the answer came. */
export const viewStart: ViewStart = (requestedAt) => requestedAt;

/** R5: only an answer to a later request than that of the present view counts. */
export function isNewerView(present: Pick<View, 'number'> | undefined, answer: View): boolean {
  return present === undefined || answer.number > present.number;
}

/**
 * R5, R11: a view is good for the scheduler lease, counted from its request, by each clock: a
 * scheduler whose machine was suspended has not heard of the purges of that time.
 */
export function isViewFresh(view: View, now: ClockReadings, schedulerLeaseMs: number): boolean {
  return !isLeaseOver(view.requestedAt, now, schedulerLeaseMs);
}

/** R4, R5: whether a grant must be refused; `enrolment` is that of the very connection. */
export function grantRefusal(
  found: {
    readonly view: View | undefined;
    readonly isFresh: boolean;
    readonly enrolment: LedgerReading | undefined;
  },
  log: Pick<LogState, 'epoch' | 'head'>,
): GrantRefusal | undefined {
  const { view, enrolment } = found;
  if (view === undefined) return 'NO_VIEW';
  if (!found.isFresh) return 'VIEW_OLD';
  if (enrolment === undefined) return 'NOT_ENROLLED';
  if (enrolment.run !== view.run || enrolment.epoch !== view.epoch) return 'OTHER_RUN';
  if (log.epoch !== view.epoch || log.head < view.head) return 'LOG_BEHIND';
  return undefined;
}

/** R4: what a host must have applied: whatever the view or its own enrolment has seen. */
export function neededBy(
  view: Pick<LedgerReading, 'head'>,
  enrolment: Pick<LedgerReading, 'head'>,
): number {
  return Math.max(view.head, enrolment.head);
}
