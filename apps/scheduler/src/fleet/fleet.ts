import type { Log } from '@pondhawk/observability';
import { HostClaims } from '../announcing/host-claims.js';
import type { SwarmLoop } from '../announcing/swarm-loop.js';
import { Holders } from '../inventory/holders.js';
import { AnnouncedHosts } from './announced-hosts.js';
import { Enrolment } from './enrolment.js';
import { HostConnections } from './host-connections.js';
import { LaterReports } from './later-reports.js';
import type { ManagerCalls } from './manager-calls.js';
import { PurgeFeed } from './purge-feed.js';

/** The hosts of this scheduler: their streams, what they hold, their rows in the ledger, and the purge log that they follow. */
export class Fleet {
  readonly feed: PurgeFeed;
  readonly enrolment: Enrolment;
  readonly connections: HostConnections;
  readonly announced: AnnouncedHosts;
  readonly claims: HostClaims;
  readonly holders = new Holders();
  private readonly later: LaterReports;

  constructor(manager: ManagerCalls, loop: Pick<SwarmLoop, 'onHostLost'>, log: Log) {
    this.feed = new PurgeFeed(manager, log);
    this.enrolment = new Enrolment(manager, this.feed, log);
    this.later = new LaterReports(manager, log);
    const { feed, enrolment, later, holders } = this;
    this.connections = new HostConnections({ manager, feed, enrolment, later, holders });
    this.announced = new AnnouncedHosts(enrolment, loop);
    this.claims = new HostClaims({
      findConnected: (hostId) => this.connections.find(hostId)?.incarnation,
    });
    loop.onHostLost((hostId) => this.claims.release(hostId));
  }

  /** Ends what runs in the background. */
  async stop(): Promise<void> {
    await Promise.all([this.enrolment.stop(), this.later.stop(), this.feed.stop()]);
  }
}
