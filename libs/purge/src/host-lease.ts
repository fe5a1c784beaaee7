import type { ClockReadings } from '@pondhawk/core';
import type { Place } from './copy-rules.js';
import { type Grant, type LeaseRequest, leaseLeftMs } from './lease-rules.js';
import { PURGE_RULES, type PurgeRules } from './rules.js';

/** Requests of which an answer is still taken; older ones are given up. */
export const PENDING_REQUESTS_MAX = 16;

/** One incarnation's lease on a host (R4, R6, R11). Held in memory only. */
export class HostLease {
  private readonly pending = new Map<number, ClockReadings>();
  private last = 0;
  private held: { readonly from: ClockReadings; readonly grant: Grant } | undefined;

  constructor(
    private readonly incarnation: string,
    private readonly readClocks: () => ClockReadings,
    private readonly rules: PurgeRules = PURGE_RULES,
  ) {}

  /** The next request; to be called right before it is sent. */
  request(): LeaseRequest {
    this.last += 1;
    this.pending.set(this.last, this.readClocks());
    this.pending.delete(this.last - PENDING_REQUESTS_MAX);
    return { incarnation: this.incarnation, number: this.last };
  }

  /** Takes an answer. @returns whether it counts. */
  take(grant: Grant): boolean {
    const pending = { incarnation: this.incarnation, sentAt: this.pending };
    const from = this.rules.leaseStart(grant, pending, this.readClocks());
    if (from === undefined) return false;
    for (const number of this.pending.keys())
      if (number <= grant.number) this.pending.delete(number);
    this.held = { from, grant };
    return true;
  }

  /** Gives the lease up: it is over, and no answer that is still to come counts. */
  surrender(): void {
    this.held = undefined;
    this.pending.clear();
  }

  /** Whether bytes may leave now, for a host that stands at `host`. */
  isValid(host: Place): boolean {
    if (this.held === undefined) return false;
    const { from, grant } = this.held;
    if (this.rules.isLeaseOver(from, this.readClocks(), grant.hostLeaseMs)) return false;
    return this.rules.isGrantMet(grant, host);
  }

  /** How long bytes may leave from now on, as long as no clock jumps; 0 without a lease. */
  leftMs(host: Place): number {
    if (this.held === undefined || !this.isValid(host)) return 0;
    return leaseLeftMs(this.held.from, this.readClocks(), this.held.grant.hostLeaseMs);
  }
}
