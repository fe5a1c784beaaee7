import type { ClockReadings } from '@pondhawk/core';
import {
  type EnrolmentRow,
  type FinalityFacts,
  HostLease,
  type LedgerReading,
  type LeaseTiming,
  type LedgerState,
  PURGE_RULES,
  type PurgeRules,
  ViewKeeper,
  changeWaiver,
  endPurges,
  finalityOf,
  finalityReasons,
} from '@pondhawk/purge';
import { decideOutcome, placeReport } from '@pondhawk/jobs';
import { maySupply } from '@pondhawk/swarm';
import type { Truth } from './truth.js';
import type { World } from './world.js';

/** What a start of a daemon makes its memory from; `former` is that of the start before. */
export interface StartParts<Memory> {
  readonly incarnation: string;
  readonly readClocks: () => ClockReadings;
  readonly rules: PurgeRules;
  readonly former: Memory | undefined;
}

/** What a run is made of; a control puts a weaker part in the place of one of them. */
export interface SimParts {
  readonly rules: PurgeRules;
  /** What a manager reads for a view: the ledger as it is, not as it was at the last reading. */
  readonly readForView: (now: LedgerState, atLastView: LedgerState) => LedgerState;
  /** Whether a row makes its host a target. */
  readonly isTarget: (
    row: EnrolmentRow,
    found: { isLeased: boolean; isHolder: boolean },
  ) => boolean;
  /** What a connection counts as enrolled with: its own row alone. */
  readonly enrolmentFor: (
    own: LedgerReading | undefined,
    view: LedgerReading | undefined,
  ) => LedgerReading | undefined;
  /** Allows or forbids serving without a lease: with marks for whoever may be told. */
  readonly changeWaiver: (ledger: LedgerState, isGiven: boolean) => LedgerState;
  /** Whether a target may serve without a lease, so that it cannot be fenced. */
  readonly servesOn: (found: {
    readonly isMarked: boolean;
    readonly isDoubted: boolean;
  }) => boolean;
  /** Whether a purge is said to be final. */
  readonly isPromised: (facts: FinalityFacts) => boolean;
  /** A start of a scheduler: nothing of before (R6). */
  readonly newViews: (start: StartParts<ViewKeeper>) => ViewKeeper;
  /** Whether a scheduler's start takes the answer to a view that some start asked for. */
  readonly isOwnView: (asker: string, present: string) => boolean;
  /** A start of a host: nothing of before (R6). */
  readonly newLease: (start: StartParts<HostLease>) => HostLease;
  /** R2: whether a child may get bytes from a host, which is guarded if it knows the log. */
  readonly maySupply: typeof maySupply;
  /** Which purges have ended: those of which each target has an outcome. */
  readonly endPurges: typeof endPurges;
  /** How a job ended, by what came of its targets. */
  readonly decideOutcome: typeof decideOutcome;
  /** Which report of an order is recorded when. */
  readonly placeReport: typeof placeReport;
  /** After how long an order that is not carried out goes to another scheduler: brokers may have lost it. */
  readonly orderAgainMs: number;
  /** How long an accept takes from reading its targets to its commit; 0: one transaction. */
  readonly acceptMs: number;
}

/** The protocol as it is. */
export const REAL_PARTS: SimParts = {
  rules: PURGE_RULES,
  readForView: (now) => now,
  isTarget: (_row, { isLeased }) => isLeased,
  enrolmentFor: (own) => own,
  changeWaiver,
  servesOn: ({ isMarked, isDoubted }) => isMarked || isDoubted,
  isPromised: (facts) => finalityOf(finalityReasons(facts)) === 'guaranteed',
  newViews: ({ readClocks, rules }) => new ViewKeeper(readClocks, rules),
  isOwnView: (asker, present) => asker === present,
  newLease: ({ incarnation, readClocks, rules }) => new HostLease(incarnation, readClocks, rules),
  maySupply,
  endPurges,
  decideOutcome,
  placeReport,
  orderAgainMs: 150,
  acceptMs: 0,
};

/** Leases of the simulated cluster. Short, so that a run sees many of them end. */
export const SIM_TIMING: LeaseTiming = { schedulerLeaseMs: 200, hostLeaseMs: 200, marginMs: 100 };

/** What all daemons of a run share: the world, its observer, and the parts. */
export interface SimContext {
  readonly world: World;
  readonly truth: Truth;
  readonly parts: SimParts;
  readonly newId: (kind: string) => string;
}
