/** What an observer asks of a host of our own. */

import type { Grant, HostCopies, Place } from '@pondhawk/purge';
import { SIM_TIMING } from './parts.js';
import { InvariantBroken, type Truth } from './truth.js';

/** A grant, and when its request was sent; -1 if that was another's. */
export interface TakenGrant {
  readonly grant: Grant;
  readonly sentAt: number;
}

/** No copy has bytes from before a purge that it counts as newer than. */
export function checkCopies(
  truth: Truth,
  { place, copies }: HostCopies,
  readAtOf: (copyId: string) => number | undefined,
): void {
  const { epoch, applied } = place;
  for (const { copyId, taskId, filledAt, state } of copies) {
    const readAt = readAtOf(copyId);
    if (readAt === undefined || state === 'purged') continue;
    const upTo = Number.isFinite(filledAt) ? Math.max(filledAt, applied) : applied;
    truth.keep({ taskId, epoch, upTo, readAt });
  }
}

/** A lease that is used runs by all clocks, and what it needs is applied. */
export function checkLease(
  taken: readonly TakenGrant[],
  { now, rate, place }: { readonly now: number; readonly rate: number; readonly place: Place },
): void {
  const { epoch, applied } = place;
  const isMet = ({ grant }: TakenGrant): boolean => grant.epoch === epoch && grant.needs <= applied;
  const slowest = Math.min(rate, 1); // The wall clock's rate is 1.
  const runs = ({ sentAt }: TakenGrant): boolean =>
    (now - sentAt) * slowest <= SIM_TIMING.hostLeaseMs + 1e-6;
  const running = taken.filter(runs);
  const last = JSON.stringify({ now, applied, last: taken.at(-1) });
  if (running.length === 0) throw new InvariantBroken('LEASE_TOO_LONG', last);
  if (!running.some(isMet)) throw new InvariantBroken('LEASE_UNMET', last);
}
