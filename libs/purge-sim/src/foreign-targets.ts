import { NO_REPORT, type ReportPlace, type ReportPlacing } from '@pondhawk/jobs';
import type { PurgeEntry } from '@pondhawk/purge';
import type { SimParts } from './parts.js';

/** How a purge ended on one foreign daemon. */
export type ForeignOutcome = 'pending' | 'answered' | 'failed';

/** One report of the scheduler that asks foreign daemons. */
export interface ForeignReport {
  readonly entry: PurgeEntry;
  readonly attempt: number;
  readonly place: ReportPlace;
  readonly outcomes: readonly (readonly [string, ForeignOutcome])[];
  /** The next report names more daemons that the order does not. */
  readonly namesFollow: boolean;
  readonly isLast: boolean;
  /** Not in the message: all whom this run asks, for an observer. */
  readonly asked: readonly string[];
}

/** The order of one purge, as the ledger has it. */
interface ForeignOrder {
  attempt: number;
  state: 'queued' | 'running' | 'done';
  place: ReportPlace;
  /** Of when it was given out, or heard of last. */
  heardAt: number;
  asked: readonly string[];
  readonly isNeeded: boolean;
  readonly targets: Map<string, ForeignOutcome>;
}

/** What the ledger has of foreign daemons: who is there, and what purges wait for. */
export class ForeignTargets {
  private readonly hosts = new Map<string, { isLost: boolean }>();
  private readonly orders = new Map<PurgeEntry, ForeignOrder>();

  constructor(private readonly parts: Pick<SimParts, 'placeReport' | 'orderAgainMs'>) {}

  /** A scheduler hears one. */
  heard(name: string): void {
    this.hosts.set(name, { isLost: false });
  }

  /** A scheduler has heard nothing of one for long; another scheduler's next word puts it right. */
  lost(name: string): void {
    const host = this.hosts.get(name);
    if (host !== undefined) host.isLost = true;
  }

  /** How many are or were there. */
  get count(): number {
    return this.hosts.size;
  }

  /** A purge is accepted: whoever is there is its target. */
  accept(entry: PurgeEntry): void {
    const asked = [...this.hosts].filter(([, { isLost }]) => !isLost).map(([name]) => name);
    this.orders.set(entry, {
      ...{ attempt: 0, state: 'queued', place: NO_REPORT, heardAt: -Infinity, asked },
      isNeeded: this.hosts.size > 0,
      targets: new Map(asked.map((name) => [name, 'pending'])),
    });
  }

  /** Gives the order out under the next attempt, unless it is under way. @returns the attempt. */
  order(entry: PurgeEntry, now: number): number | undefined {
    const order = this.orders.get(entry);
    if (order === undefined || !this.isOpen(order)) return undefined;
    if (now - order.heardAt < this.parts.orderAgainMs) return undefined;
    order.attempt += 1;
    order.heardAt = now;
    order.place = NO_REPORT;
    if (order.state === 'running') order.state = 'queued';
    return order.attempt;
  }

  /** Number of the newest attempt. */
  attemptOf(entry: PurgeEntry): number {
    return this.orders.get(entry)?.attempt ?? 0;
  }

  /** A report comes. An answer stays. */
  take(report: ForeignReport, now: number): ReportPlacing | 'stale-attempt' {
    const order = this.orders.get(report.entry);
    if (order?.attempt !== report.attempt) return 'stale-attempt';
    const isOrderEnded = order.state === 'done';
    const placing = this.parts.placeReport(report.place, { last: order.place, isOrderEnded });
    if (placing !== 'next') return placing;
    for (const [name, outcome] of report.outcomes) {
      const former = order.targets.get(name);
      if (former === undefined || former === 'pending') order.targets.set(name, outcome);
    }
    if (isOrderEnded) return placing;
    order.place = report.place;
    order.heardAt = now;
    if (report.namesFollow) return placing;
    order.asked = report.asked;
    order.state = report.isLast ? 'done' : 'running';
    return placing;
  }

  /** Whether a purge need wait for none of them any more. */
  mayEnd(entry: PurgeEntry): boolean {
    const order = this.orders.get(entry);
    return order === undefined || !this.isOpen(order);
  }

  /** Names of those that are waited for. */
  pendingOf(entry: PurgeEntry): readonly string[] {
    const targets = [...this.outcomesOf(entry)];
    return targets.filter(([, outcome]) => outcome === 'pending').map(([name]) => name);
  }

  /** How it ended on each, by name. */
  outcomesOf(entry: PurgeEntry): ReadonlyMap<string, ForeignOutcome> {
    return this.orders.get(entry)?.targets ?? new Map<string, ForeignOutcome>();
  }

  /**
   * Whom the run asks that has named them all last, if anybody was known at the commit: else whoever comes is told by
   * his scheduler.
   */
  askedOf(entry: PurgeEntry): readonly string[] {
    const order = this.orders.get(entry);
    return order?.isNeeded === true ? order.asked : [];
  }

  private isOpen({ isNeeded, state, targets }: ForeignOrder): boolean {
    return isNeeded && (state === 'queued' || [...targets.values()].includes('pending'));
  }
}
