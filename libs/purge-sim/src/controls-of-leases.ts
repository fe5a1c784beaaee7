/** Weaker variants of leases and views: R4, R5, R6, R11. */

import type { ClockReadings } from '@pondhawk/core';
import { HostLease, type Place, type PurgeRules } from '@pondhawk/purge';
import { COMEBACKS, type Control, REAL_RULES as real, UNSAFE, control } from './control.js';
import { onlyFaults } from './faults.js';
import { REAL_PARTS, type StartParts } from './parts.js';
import type { Invariant } from './truth.js';

/** Whether a time has passed by one clock alone. */
function isPassedBy(clock: keyof ClockReadings) {
  return (from: ClockReadings, now: ClockReadings, ms: number): boolean =>
    now[clock] - from[clock] >= ms;
}

/** Whether a time has passed by any clock but one. */
function isPassedBut(clock: keyof ClockReadings) {
  return (from: ClockReadings, now: ClockReadings, ms: number): boolean =>
    real.isLeaseOver(from, { ...now, [clock]: from[clock] }, ms);
}

/** A lease that the next start finds on the disk. */
class KeptLease extends HostLease {
  private readonly former: HostLease | undefined;

  constructor({ incarnation, readClocks, rules, former }: StartParts<HostLease>) {
    super(incarnation, readClocks, rules);
    this.former = former;
  }

  override isValid(host: Place): boolean {
    return super.isValid(host) || this.former?.isValid(host) === true;
  }
}

/**
 * Grants that need what the scheduler's own log has, in the place of what its view has seen. That is as
 * good while the log reaches the view, and only then.
 */
export function needsOfLog(isLogAsked: boolean): { readonly rules: Partial<PurgeRules> } {
  let head = 0;
  const rules = {
    grantRefusal: ((found, log) => {
      head = log.head;
      const refusal = real.grantRefusal(found, log);
      return refusal === 'LOG_BEHIND' && !isLogAsked ? undefined : refusal;
    }) satisfies typeof real.grantRefusal,
    neededBy: ((_view, enrolment) => Math.max(head, enrolment.head)) satisfies typeof real.neededBy,
  };
  return { rules };
}

/** A lease is used that is not, or no longer, held. */
const OVERLONG: readonly Invariant[] = ['LEASE_TOO_LONG', 'LEASE_UNMET', ...UNSAFE];
/** Leases are granted on what a scheduler does not know any more. */
const OUTDATED: readonly Invariant[] = ['VIEW_TOO_OLD', ...UNSAFE];
/** Schedulers that crash in a row, with answers under way. */
const CRASHES = onlyFaults({ schedulerCrash: 0.15, newsStall: 0.4, late: 0.2 });

/** @see Control */
export const CONTROLS_OF_LEASES: readonly Control[] = [
  control(
    'R4: a lease counted from the receipt of its grant',
    {
      rules: {
        leaseStart: (grant, pending, received) =>
          real.leaseStart(grant, pending, received) === undefined ? undefined : received,
      },
    },
    OVERLONG,
  ),
  control(
    'R4: answers unmatched',
    { rules: { leaseStart: (_grant, pending, now) => [...pending.sentAt.values()].at(-1) ?? now } },
    OVERLONG,
  ),
  control('R4: a grant used whatever is applied', { rules: { isGrantMet: () => true } }, [
    'LEASE_UNMET',
  ]),
  control(
    'R4: a grant used under another log id',
    { rules: { isGrantMet: (grant, host) => host.applied >= grant.needs } },
    ['LEASE_UNMET'],
  ),
  control(
    'R4: needs without the enrolment',
    { rules: { neededBy: (view) => view.head } },
    UNSAFE,
    COMEBACKS,
  ),
  control(
    'R4: needs without the view',
    { rules: { neededBy: (_view, enrolment) => enrolment.head } },
    UNSAFE,
  ),
  control(
    'R4: granted before the row is in the ledger',
    { enrolmentFor: (own, view) => own ?? view },
    UNSAFE,
    COMEBACKS,
  ),
  control(
    'R4: enrolled with a ledger of another run',
    {
      rules: {
        grantRefusal: (found, log) => {
          const refusal = real.grantRefusal(found, log);
          return refusal === 'OTHER_RUN' ? undefined : refusal;
        },
      },
    },
    [...UNSAFE, 'HOST_NOT_LEASED'],
  ),
  control('R5: a view that is cached', { readForView: (_now, former) => former }, ['VIEW_STALE']),
  control('R5: an older view taken for the newer', { rules: { isNewerView: () => true } }, [
    'VIEW_WENT_BACK',
  ]),
  control(
    'R5: a view counted from its receipt',
    { rules: { viewStart: (_requestedAt, received) => received } },
    OUTDATED,
  ),
  control(
    'R5: schedulers that merely confirm, however old their view',
    { rules: { isViewFresh: () => true } },
    OUTDATED,
  ),
  control(
    'R4, R5: needs of the log alone, which does not reach the view',
    needsOfLog(false),
    UNSAFE,
  ),
  control(
    'R6: an answer to a former incarnation counts',
    { rules: { leaseStart: (grant, pending) => pending.sentAt.get(grant.number) } },
    OVERLONG,
  ),
  control(
    'R6: a host keeps its lease over a restart',
    { newLease: (start) => new KeptLease(start) },
    OVERLONG,
  ),
  control(
    'R6: a scheduler keeps its view over a restart',
    { newViews: (start) => start.former ?? REAL_PARTS.newViews(start) },
    UNSAFE,
    COMEBACKS,
  ),
  control(
    'R6: an answer to a former start of a scheduler counts',
    { isOwnView: () => true },
    ['VIEW_STALE'],
    CRASHES,
  ),
  control(
    'R11: the monotonic clock alone',
    { rules: { isLeaseOver: isPassedBy('monotonicMs') } },
    OVERLONG,
  ),
  control(
    'R11: without the clock since boot',
    { rules: { isLeaseOver: isPassedBut('sinceBootMs') } },
    OVERLONG,
  ),
  control(
    'R11: without the wall clock',
    { rules: { isLeaseOver: isPassedBut('wallMs') } },
    OVERLONG,
  ),
  control(
    "R11: a scheduler's view counted by its monotonic clock alone",
    {
      rules: {
        isViewFresh: (view, now, leaseMs) =>
          !isPassedBy('monotonicMs')(view.requestedAt, now, leaseMs),
      },
    },
    OUTDATED,
  ),
];
