/** For how long a scheduler may hold an order without a word, and who takes it over then. */

import { chooseByRendezvous } from '@pondhawk/core';

/** An attempt that has begun is lost when no report of it has come for this long. */
export const ORDER_LEASE_MS = 15_000;
/** A scheduler reports at least this often, empty if need be: three chances within a lease. */
export const ORDER_RENEWAL_INTERVAL_MS = 5_000;
/**
 * An order that an active scheduler has not begun is taken for lost on the way after this long. Until
 * then it may stand in that scheduler's queue; handing it round would only lengthen the queues.
 */
export const ORDER_UNHEARD_MS_MAX = 120_000;
/** For so long after its start a manager lets no lease run out: reports may wait in the broker. */
export const LEASE_CAUTION_MS = 30_000;

/** Attempts whose lease ended at or before these times (Unix ms) are over, and their orders go on under the next number. */
export interface LapseTimes {
  readonly running: number;
  /** Sent, not begun; by whether the scheduler is active. */
  readonly queuedAtActive: number;
  readonly queuedAtInactive: number;
}

/** @see LapseTimes */
export function lapseTimes(nowMs: number): LapseTimes {
  return {
    running: nowMs,
    queuedAtActive: nowMs - (ORDER_UNHEARD_MS_MAX - ORDER_LEASE_MS),
    queuedAtInactive: nowMs,
  };
}

/**
 * Who takes an order over: another scheduler than the one that held it, if there is one; which one
 * differs from order to order, so that the orders of a lost scheduler are shared.
 *
 * @returns undefined while no scheduler is active.
 */
export function chooseSuccessor<S extends { readonly id: number }>(
  active: readonly S[],
  order: { readonly id: number; readonly formerSchedulerId: number | undefined },
): S | undefined {
  const others = active.filter(({ id }) => id !== order.formerSchedulerId);
  const candidates = others.length > 0 ? others : active;
  return candidates.length === 0 ? undefined : chooseByRendezvous(candidates, `order/${order.id}`);
}
