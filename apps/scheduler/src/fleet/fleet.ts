import type { Clock, LeaseClocks } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { LeaseLengths } from '@pondhawk/purge';
import { HostClaims } from '../announcing/host-claims.js';
import type { SwarmLoop } from '../announcing/swarm-loop.js';
import { Holders } from '../inventory/holders.js';
import type { HostCaller } from '../orders/host-caller.js';
import { AnnouncedHosts } from './announced-hosts.js';
import { Enrolment } from './enrolment.js';
import { ForeignPurges } from './foreign-purges.js';
import type { HostConnection } from './host-connection.js';
import { HostConnections } from './host-connections.js';
import { LaterReports } from './later-reports.js';
import type { ManagerCalls } from './manager-calls.js';
import { ProgressReports } from './progress-reports.js';
import { PurgeFeed } from './purge-feed.js';
import { ViewLoop } from './view-loop.js';

/** What the fleet works with. */
export interface FleetParts {
  readonly manager: ManagerCalls;
  readonly loop: Pick<SwarmLoop, 'apply' | 'onHostLost'>;
  readonly caller: HostCaller;
  readonly clock: Clock;
  readonly clocks: LeaseClocks;
  readonly log: Log;
}

/** The hosts of this scheduler: their streams, what they hold, their rows in the ledger, and the purge log that they follow. */
export class Fleet {
  readonly feed: PurgeFeed;
  readonly enrolment: Enrolment;
  readonly connections: HostConnections;
  readonly announced: AnnouncedHosts;
  readonly claims: HostClaims;
  readonly foreign: ForeignPurges;
  readonly holders = new Holders();
  readonly views: ViewLoop;
  private readonly later: LaterReports;
  private readonly progress: ProgressReports;
  private readonly listeners: ((areAllowed: boolean) => void)[] = [];

  constructor({ manager, loop, log, clock, clocks, caller }: FleetParts) {
    this.feed = new PurgeFeed(manager, log);
    this.enrolment = new Enrolment(manager, this.feed, log);
    this.later = new LaterReports(manager, log);
    const { feed, enrolment, later, holders } = this;
    const { incarnation } = enrolment;
    this.views = new ViewLoop({
      ...{ manager, incarnation, clocks, log },
      onView: (view, run) => {
        for (const listener of this.listeners) listener(view.allowForeignParents);
        enrolment.noteView(view.log, run);
      },
    });
    const { views } = this;
    this.connections = new HostConnections({
      ...{ manager, feed, enrolment, later, holders, views, clock },
    });
    const listOpen = (): Iterable<HostConnection> => this.connections.list();
    this.progress = new ProgressReports({ manager, log, listOpen });
    enrolment.onNewRun(() => this.progress.forget());
    const lengths = (): LeaseLengths => views.lengths;
    this.foreign = new ForeignPurges({ feed, caller, later, loop, lengths, clock, log });
    this.announced = new AnnouncedHosts(enrolment, this.foreign, loop);
    this.claims = new HostClaims({
      findConnected: (hostId) => this.connections.find(hostId)?.incarnation,
    });
    loop.onHostLost((hostId) => this.claims.release(hostId));
  }

  /** Calls `listener` with each view: whether our own hosts may download from foreign daemons. */
  onForeignParents(listener: (areAllowed: boolean) => void): void {
    this.listeners.push(listener);
  }

  /**
   * Tells the manager of all hosts anew; those that it takes for connected here and are not become inactive.
   * Resolves once that is written, however long it takes.
   *
   * @returns how many hosts there are.
   * @throws UnavailableError (`ENROLMENT_ENDED`) when the scheduler stops.
   */
  async tellAll(): Promise<number> {
    const [streamed, announced] = await Promise.all([
      this.connections.tellAll(),
      this.announced.tellAll(),
      this.enrolment.compare(),
    ]);
    return streamed + announced;
  }

  /** The manager can be asked: this scheduler is registered. */
  begin(): void {
    this.enrolment.begin();
    this.views.begin();
    this.progress.begin();
  }

  /** Ends what runs in the background. */
  async stop(): Promise<void> {
    this.connections.stop();
    this.foreign.stop();
    await Promise.all([
      this.views.stop(),
      this.enrolment.stop(),
      this.later.stop(),
      this.progress.stop(),
      this.feed.stop(),
    ]);
  }
}
