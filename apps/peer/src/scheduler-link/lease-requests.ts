import { type pondhawkV1, toHex16, toWaiver } from '@pondhawk/contracts';
import type { Place } from '@pondhawk/purge';
import type { LeaseGate } from '../lease/index.js';

/** A lease is asked for at least this often, and four times in its own length. */
export const LEASE_INTERVAL_MS_MAX = 1_000;
const REQUESTS_PER_LEASE = 4;
/** After a refusal: what stood against it is over within a round trip to the manager or so. */
export const LEASE_RETRY_MS = 75;

/** What asking works with. */
export interface LeaseRequestParts {
  readonly gate: LeaseGate;
  /** Where this host stands in the log. */
  readonly place: () => Place;
  readonly onGranted: () => void;
  readonly onRefused: (reason: string) => void;
}

/** Asks for leases on one stream after the other; silent between `stop` and the next `start`. */
export class LeaseRequests {
  private timer: NodeJS.Timeout | undefined; // While asking.
  private send: ((value: pondhawkV1.SyncLeaseRequest) => void) | undefined; // While asking.

  constructor(private readonly parts: LeaseRequestParts) {}

  /** The scheduler has enrolled this host: asks at once, and from then on. */
  start(send: (value: pondhawkV1.SyncLeaseRequest) => void): void {
    this.send = send;
    this.ask();
  }

  /** The host has taken another log id over: what it asked for before counts no more. */
  again(): void {
    if (this.send !== undefined) this.ask();
  }

  /** The stream has ended. The lease runs on: its time is known. */
  stop(): void {
    this.send = undefined;
    clearTimeout(this.timer);
  }

  /** Takes an answer. @throws InvalidArgumentError if its ids are no such. */
  take(message: pondhawkV1.SyncGrant): void {
    const { gate, onGranted, onRefused } = this.parts;
    if (message.refusal !== '') {
      onRefused(message.refusal);
      this.askIn(LEASE_RETRY_MS);
      return;
    }
    const grant = {
      incarnation: toHex16(message.incarnation, 'incarnation'),
      number: Number(message.number),
      epoch: toHex16(message.logEpoch, 'log_epoch'),
      needs: Number(message.needs),
      hostLeaseMs: message.hostLeaseMs,
      waiver: toWaiver(message.waiver),
    };
    if (!gate.take(grant)) return;
    onGranted();
    this.askIn(Math.min(LEASE_INTERVAL_MS_MAX, grant.hostLeaseMs / REQUESTS_PER_LEASE));
  }

  private ask(): void {
    // First, so that one which is never answered is followed by another.
    this.askIn(LEASE_INTERVAL_MS_MAX);
    const { gate, place } = this.parts;
    const { number } = gate.request();
    const { epoch, applied } = place();
    const waiver = gate.waiverOf(epoch);
    this.send?.({
      number: BigInt(number),
      applied: BigInt(applied),
      logEpoch: Buffer.from(epoch, 'hex'),
      waiverEnd: waiver.isGiven ? 0n : BigInt(waiver.number),
    });
  }

  private askIn(ms: number): void {
    clearTimeout(this.timer);
    if (this.send !== undefined) this.timer = setTimeout(() => this.ask(), ms);
  }
}
