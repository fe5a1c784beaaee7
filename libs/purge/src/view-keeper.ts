import type { ClockReadings } from '@pondhawk/core';
import type { GrantRefusal, LedgerReading, View } from './grant-rules.js';
import type { Grant, LeaseRequest } from './lease-rules.js';
import type { LogState } from './purge-entry.js';
import { PURGE_RULES, type PurgeRules } from './rules.js';
import type { LeaseLengths } from './timing.js';

/** Requests of which an answer is still taken; older ones are given up. */
export const PENDING_VIEWS_MAX = 16;

/** One scheduler incarnation's view of the ledger, and the grants it gives on it (R4, R5, R6). */
export class ViewKeeper {
  private readonly pending = new Map<number, ClockReadings>();
  private last = 0;
  private current: View | undefined;

  constructor(
    private readonly readClocks: () => ClockReadings,
    private readonly rules: PurgeRules = PURGE_RULES,
  ) {}

  /** The present view, whatever its age. */
  get view(): View | undefined {
    return this.current;
  }

  /** Number of the next request; to be called right before it is sent. */
  request(): number {
    this.last += 1;
    this.pending.set(this.last, this.readClocks());
    this.pending.delete(this.last - PENDING_VIEWS_MAX);
    return this.last;
  }

  /** Takes an answer. @returns whether it is the view now. */
  take(number: number, reading: LedgerReading, lengths: LeaseLengths): boolean {
    const requestedAt = this.pending.get(number);
    if (requestedAt === undefined) return false;
    const from = this.rules.viewStart(requestedAt, this.readClocks());
    const answer = { ...reading, ...lengths, number, requestedAt: from };
    if (!this.rules.isNewerView(this.current, answer)) return false;
    this.current = answer;
    return true;
  }

  /** Answers a host's request on a connection that was enrolled with `enrolment`. */
  grant(
    request: LeaseRequest,
    enrolment: LedgerReading | undefined,
    log: Pick<LogState, 'epoch' | 'head'>,
  ): Grant | GrantRefusal {
    const view = this.current;
    const isFresh =
      view !== undefined && this.rules.isViewFresh(view, this.readClocks(), view.schedulerLeaseMs);
    const refusal = this.rules.grantRefusal({ view, isFresh, enrolment }, log);
    if (refusal !== undefined) return refusal;
    if (view === undefined || enrolment === undefined) return 'NO_VIEW';
    const needs = this.rules.neededBy(view, enrolment);
    const waiver = this.rules.grantedWaiver(view, enrolment);
    const lease = { ...request, epoch: view.epoch, needs, hostLeaseMs: view.hostLeaseMs };
    return waiver.number === 0 ? lease : { ...lease, waiver };
  }
}
