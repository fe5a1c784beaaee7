import { UnavailableError } from '@pondhawk/core';
import { DEFAULT_TIMING } from '@pondhawk/purge';

/**
 * Whether bytes of copies may leave this host (R3). Every way out asks it in the turn in which it
 * hands at most one chunk to the transport, and ends what is under way in the turn in which it closes.
 */
export abstract class ServingGate {
  /** Asked at each write. */
  abstract get isOpen(): boolean;
  /** How long it stays open as things are; 0 while it is closed, Infinity where no lease is needed, or none any more. */
  abstract get leftMs(): number;
  /** How long a lease still runs; 0 without one, Infinity where none is needed. */
  abstract get leaseLeftMs(): number;
  /** Whether it stays open when the lease is over, because the cluster allows it. */
  abstract get isWaived(): boolean;
  /** Longest time for which bytes may wait here for whoever asked for them, once they were read. */
  abstract get holdMsMax(): number;

  /**
   * Calls `listener` each time it closes, in the turn in which that is seen.
   *
   * @returns how to stop listening.
   */
  abstract onClosed(listener: () => void): () => void;

  /** @throws UnavailableError (`LEASE_LOST`) while it is closed. */
  require(): void {
    if (!this.isOpen) throw leaseLost();
  }
}

/** What an answer ends with whose bytes may not leave any more; from the start it may be had again. */
export function leaseLost(): UnavailableError {
  return new UnavailableError(
    'LEASE_LOST',
    'This host has lost its lease in the middle of the answer; ask again from the start.',
  );
}

/** The gate of a daemon that belongs to no cluster: nobody can order a purge of what it holds. */
export class OpenGate extends ServingGate {
  readonly isOpen = true;
  readonly leftMs = Infinity;
  readonly leaseLeftMs = Infinity;
  readonly isWaived = false;
  readonly holdMsMax = DEFAULT_TIMING.hostLeaseMs;

  onClosed(): () => void {
    return () => undefined;
  }
}
