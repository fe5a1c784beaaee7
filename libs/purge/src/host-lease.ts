import type { ClockReadings } from '@pondhawk/core';
import type { Place } from './copy-rules.js';
import { type Grant, type LeaseRequest, leaseLeftMs } from './lease-rules.js';
import { PURGE_RULES, type PurgeRules } from './rules.js';
import { type HeldWaiver, NO_WAIVER, type Waiver } from './waiver-rules.js';

/** Requests of which an answer is still taken; older ones are given up. */
export const PENDING_REQUESTS_MAX = 16;

/** Grants that are kept; each is over long before so many came after it. */
const GRANTS_KEPT_MAX = 16;

/** Log ids of which a host remembers the waiver; another one comes only when a ledger went back. */
const WAIVERS_KEPT_MAX = 4;

interface Held {
  readonly from: ClockReadings;
  readonly grant: Grant;
}

/**
 * One incarnation's lease on a host (R4, R6, R11), and its waiver. Held in memory only. A grant that needs what is not
 * applied yet does not end the one before it: with a steady stream of purges there would be no lease
 * between the grant and the applying.
 */
export class HostLease {
  private readonly pending = new Map<number, ClockReadings>();
  private last = 0;
  private granted: Held[] = []; // Newest last.
  private readonly waivers = new Map<string, HeldWaiver>(); // By log id, the newest last.

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
    this.granted = [...this.granted, { from, grant }].slice(-GRANTS_KEPT_MAX);
    this.takeWaiver(grant);
    return true;
  }

  /**
   * The host takes another log id over (R7): what it was granted before, or has asked for, counts no more. It may come back to the
   * log id with a lower number than it had, and a lease of before would be that of a host which knew more.
   */
  leaveLog(): void {
    this.granted = [];
    this.pending.clear();
  }

  /** Gives lease and waiver up: they are over, and no answer that is still to come counts. */
  surrender(): void {
    this.waivers.clear();
    this.leaveLog();
  }

  /** Whether bytes may leave now, for a host that stands at `host`: under a lease, or without one. */
  mayServe(host: Place): boolean {
    return this.isWaived(host) || this.isValid(host);
  }

  /** Whether bytes may leave now and go on leaving whether or not a lease is held. */
  isWaived(host: Place): boolean {
    return this.rules.mayServeWaived(this.waivers.get(host.epoch), host);
  }

  /** What this host was told last of serving without a lease, under a log id. */
  waiverOf(epoch: string): Waiver {
    return this.waivers.get(epoch) ?? NO_WAIVER;
  }

  /** Whether a lease is held now, for a host that stands at `host`. */
  isValid(host: Place): boolean {
    const held = this.newestMet(host);
    if (held === undefined) return false;
    return !this.rules.isLeaseOver(held.from, this.readClocks(), held.grant.hostLeaseMs);
  }

  /** How long the lease still runs, as long as no clock jumps; 0 without one. */
  leftMs(host: Place): number {
    const held = this.newestMet(host);
    if (held === undefined || !this.isValid(host)) return 0;
    return leaseLeftMs(held.from, this.readClocks(), held.grant.hostLeaseMs);
  }

  private takeWaiver(grant: Grant): void {
    const { epoch } = grant;
    this.waivers.set(epoch, this.rules.heldWaiver(this.waivers.get(epoch), grant));
    for (const [other, waiver] of this.waivers) {
      if (other === epoch) continue;
      // The ledger may have heard under the new log id that it is over.
      this.waivers.set(other, { ...waiver, isGiven: false });
      if (this.waivers.size > WAIVERS_KEPT_MAX) this.waivers.delete(other);
    }
  }

  /** The newest grant whose needs are applied; those before it are of no use any more. */
  private newestMet(host: Place): Held | undefined {
    const index = this.granted.findLastIndex(({ grant }) => this.rules.isGrantMet(grant, host));
    if (index > 0) this.granted.splice(0, index);
    return index < 0 ? undefined : this.granted[0];
  }
}
