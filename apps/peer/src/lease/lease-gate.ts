import { type Incarnation, type LeaseClocks, toError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import {
  DEFAULT_TIMING,
  type Grant,
  HostLease,
  type LeaseRequest,
  type Place,
  type Waiver,
} from '@pondhawk/purge';
import { ServingGate } from './serving-gate.js';

/** What the lease is made of. */
export interface LeaseGateParts {
  readonly incarnation: Incarnation;
  readonly clocks: LeaseClocks;
  /** Where this host stands in the purge log; read at each write. */
  readonly place: () => Place;
  readonly log: Log;
}

/**
 * The gate of a host in a cluster: open while its lease is valid (R3, R4, R11), and from a grant with a
 * waiver on until one takes it back. *Closed* from the
 * start, as a new incarnation has no lease (R6). *Open* from a grant whose `needs` are applied, until
 * any clock says that it is over, or another log is followed. Each look finds out; a timer looks when
 * nobody writes, so that answers which wait for a slow reader end as well.
 */
export class LeaseGate extends ServingGate {
  private readonly lease: HostLease;
  private readonly listeners = new Set<() => void>();
  private wasOpen = false; // As of the last look.
  private timer: NodeJS.Timeout | undefined; // While it is open.
  private lengthMs = DEFAULT_TIMING.hostLeaseMs; // Of the newest grant, which the manager decides.

  constructor(private readonly parts: LeaseGateParts) {
    super();
    this.lease = new HostLease(parts.incarnation, () => parts.clocks.read());
  }

  get isOpen(): boolean {
    const isOpen = this.judge(() => this.lease.mayServe(this.parts.place())) ?? false;
    if (isOpen === this.wasOpen) return isOpen;
    this.wasOpen = isOpen;
    if (!isOpen) {
      for (const listener of [...this.listeners]) listener();
    }
    return isOpen;
  }

  get leftMs(): number {
    return this.isWaived ? Infinity : this.leaseLeftMs;
  }

  get leaseLeftMs(): number {
    return this.judge(() => this.lease.leftMs(this.parts.place())) ?? 0;
  }

  get isWaived(): boolean {
    return this.lease.isWaived(this.parts.place());
  }

  /** What the cluster has said last of serving without a lease, under a log id. */
  waiverOf(epoch: string): Waiver {
    return this.lease.waiverOf(epoch);
  }

  get holdMsMax(): number {
    return this.lengthMs;
  }

  onClosed(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The next request for a lease; to be called right before it is sent. */
  request(): LeaseRequest {
    return this.lease.request();
  }

  /** Takes an answer. @returns whether it counts: it is for an open request of this incarnation. */
  take(grant: Grant): boolean {
    const doesCount = this.lease.take(grant);
    if (doesCount) this.lengthMs = grant.hostLeaseMs;
    this.look();
    return doesCount;
  }

  /** Another log id is taken over: closes what is open, in this turn; a later request opens it again. */
  leaveLog(): void {
    this.lease.leaveLog();
    this.look();
  }

  /** Closes for good what is open now, in this turn; a later request may open it again. */
  surrender(): void {
    this.lease.surrender();
    this.look();
  }

  /** Looks no more by itself. */
  stop(): void {
    clearTimeout(this.timer);
  }

  /** Without a clock nobody knows whether the lease is over: then it is. */
  private judge<T>(ask: () => T): T | undefined {
    try {
      return ask();
    } catch (error) {
      this.parts.log.error('lease cannot be judged', { err: toError(error) });
      return undefined;
    }
  }

  private look(): void {
    clearTimeout(this.timer);
    if (!this.isOpen) return;
    this.timer = setTimeout(() => this.look(), Math.min(this.leftMs, this.lengthMs));
    this.timer.unref();
  }
}
