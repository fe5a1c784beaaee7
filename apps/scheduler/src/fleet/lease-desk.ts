import { fromWaiver, type pondhawkV1 } from '@pondhawk/contracts';
import { NO_WAIVER, type GrantRefusal } from '@pondhawk/purge';
import type { HostConnection } from './host-connection.js';
import type { PurgeFeed } from './purge-feed.js';
import type { ViewLoop } from './view-loop.js';

/** What the desk works with. */
export interface LeaseDeskParts {
  readonly views: ViewLoop;
  readonly feed: PurgeFeed;
  /** Has a connection enrolled again, if it is not on the way already. */
  readonly enrolAgain: (connection: HostConnection) => void;
  /** Tells the manager that a daemon was told that it may not serve without a lease. */
  readonly endWaiver: (told: pondhawkV1.WaiverEnd) => void;
}

/** Answers the lease requests of hosts on their connections. */
export class LeaseDesk {
  /** Leases granted, and refusals by reason. */
  readonly counts = {
    granted: 0,
    refused: new Map<GrantRefusal, number>(),
  };

  constructor(private readonly parts: LeaseDeskParts) {}

  /** One request, one answer. */
  answer(connection: HostConnection, request: pondhawkV1.SyncLeaseRequest): void {
    const { views, feed, enrolAgain } = this.parts;
    const { incarnation, enrolment } = connection;
    this.noteWaiverEnd(connection, request);
    const number = Number(request.number);
    const found = views.grant({ incarnation, number }, enrolment, feed.state);
    const named = { incarnation: Buffer.from(incarnation, 'hex'), number: request.number };
    if (typeof found === 'string') {
      this.counts.refused.set(found, (this.counts.refused.get(found) ?? 0) + 1);
      connection.sendGrant({
        ...named,
        ...{ refusal: found, logEpoch: Buffer.alloc(0), needs: 0n, hostLeaseMs: 0 },
        waiver: undefined,
      });
      // Of another start of the manager, or another log: only a new row of the connection helps.
      if (found === 'OTHER_RUN') enrolAgain(connection);
      return;
    }
    this.counts.granted += 1;
    connection.sendGrant({
      ...named,
      refusal: '',
      logEpoch: Buffer.from(found.epoch, 'hex'),
      needs: BigInt(found.needs),
      hostLeaseMs: found.hostLeaseMs,
      waiver: fromWaiver(found.waiver ?? NO_WAIVER),
    });
  }

  /** Once for each waiver and connection; the ledger takes it as often as it comes. */
  private noteWaiverEnd(
    connection: HostConnection,
    { logEpoch, waiverEnd: number }: pondhawkV1.SyncLeaseRequest,
  ): void {
    if (number <= connection.waiverEnd) return;
    connection.waiverEnd = number;
    const { hostId } = connection;
    const incarnation = Buffer.from(connection.incarnation, 'hex');
    this.parts.endWaiver({ hostId, incarnation, logEpoch, number });
  }
}
