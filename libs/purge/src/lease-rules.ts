import type { ClockReadings } from '@pondhawk/core';
import type { Place } from './copy-rules.js';
import type { Waiver } from './waiver-rules.js';

/** A host's request for a lease. */
export interface LeaseRequest {
  readonly incarnation: string;
  /** From 1, new for each request of an incarnation. */
  readonly number: number;
}

/** A scheduler's answer to one request. */
export interface Grant extends LeaseRequest {
  readonly epoch: string;
  /** The host may serve on this grant only while its `applied` is at least this. */
  readonly needs: number;
  readonly hostLeaseMs: number;
  /** Whether the host may serve on when the lease is over. Absent: it was never allowed. */
  readonly waiver?: Waiver;
}

/** Requests that can still be answered. */
export interface PendingRequests {
  readonly incarnation: string;
  readonly sentAt: ReadonlyMap<number, ClockReadings>;
}

/** When a grant that is received at some instant runs from; undefined if it does not count. */
export type LeaseStart = (
  grant: Grant,
  pending: PendingRequests,
  received: ClockReadings,
) => ClockReadings | undefined;

/** R4: from when the request that it answers was sent, and only if that one is open here. */
export const leaseStart: LeaseStart = (grant, pending) =>
  grant.incarnation === pending.incarnation ? pending.sentAt.get(grant.number) : undefined;

/** R11: a lease is over as soon as any clock says so; a clock that went back says so too. */
export function isLeaseOver(from: ClockReadings, now: ClockReadings, hostLeaseMs: number): boolean {
  return leaseLeftMs(from, now, hostLeaseMs) === 0;
}

/** How long a lease still runs, by the clock that sees least of it left; 0 when it is over. */
export function leaseLeftMs(from: ClockReadings, now: ClockReadings, hostLeaseMs: number): number {
  const passed = [
    now.monotonicMs - from.monotonicMs,
    now.sinceBootMs - from.sinceBootMs,
    now.wallMs - from.wallMs,
  ];
  return passed.some((ms) => ms < 0) ? 0 : Math.max(0, hostLeaseMs - Math.max(...passed));
}

/** R4: a grant serves only a host that has applied what it needs, under its log id. */
export function isGrantMet(grant: Grant, host: Place): boolean {
  return grant.epoch === host.epoch && host.applied >= grant.needs;
}
