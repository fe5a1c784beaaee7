/** Serving without a lease, where a cluster allows it: what it gives up, and how it is taken back. */

import type { Place } from './copy-rules.js';
import type { LedgerReading } from './grant-rules.js';
import type { Grant } from './lease-rules.js';

/**
 * Whether a cluster's hosts may serve without a lease, as its ledger says. Each change has the next
 * number; 0: it was never allowed.
 */
export interface Waiver {
  readonly number: number;
  readonly isGiven: boolean;
}

/** Of a cluster that has never allowed it. */
export const NO_WAIVER: Waiver = { number: 0, isGiven: false };

/** A waiver as a host was told it, under one log id. */
export interface HeldWaiver extends Waiver {
  /** Used only while the host's `applied` is at least this: what came before its mark does not name the host. */
  readonly needs: number;
}

/**
 * What a grant says of it: the later of what the view and the enrolment have read. If that one is
 * given, the ledger had the host's mark before: the change marks all open connections, and every
 * enrolment after it its own.
 */
export function grantedWaiver(
  view: Pick<LedgerReading, 'waiver'>,
  enrolment: Pick<LedgerReading, 'waiver'>,
): Waiver {
  const [seen, enrolled] = [view.waiver ?? NO_WAIVER, enrolment.waiver ?? NO_WAIVER];
  return enrolled.number > seen.number ? enrolled : seen;
}

/**
 * What a host holds after a grant under the same log id as `present`. An older number is not listened
 * to: the host may have said already that it was told the newer one.
 */
export function heldWaiver(
  present: HeldWaiver | undefined,
  grant: Pick<Grant, 'waiver' | 'needs'>,
): HeldWaiver {
  const told = grant.waiver ?? NO_WAIVER;
  if (present !== undefined && told.number <= present.number) return present;
  return { ...told, needs: grant.needs };
}

/** Whether a host may serve without a lease; `waiver` is what it holds under the log id it follows. */
export function mayServeWaived(waiver: HeldWaiver | undefined, host: Place): boolean {
  return waiver?.isGiven === true && host.applied >= waiver.needs;
}

/** Whether a host that was told `told` has nothing left of what its mark stands for. */
export function isWaiverEnded(mark: Pick<Waiver, 'number'>, told: Waiver): boolean {
  return !told.isGiven && told.number > mark.number;
}
