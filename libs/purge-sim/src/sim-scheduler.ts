import {
  type DaemonIdentity,
  EntryLog,
  type Grant,
  type LeaseRequest,
  type LedgerReading,
  type LogState,
  type Place,
  type PurgeEntry,
  ViewKeeper,
} from '@pondhawk/purge';
import { type SimContext, SIM_TIMING } from './parts.js';
import type { SimManager } from './sim-manager.js';
import { InvariantBroken } from './truth.js';
import type { SimNode } from './world.js';

const TICK_MS = 40;
const ENTRIES_PER_ANSWER = 50;

/** What a host says on its stream. */
export interface SyncRequest {
  readonly attempt: string;
  readonly who: DaemonIdentity;
  readonly lease: LeaseRequest;
  readonly place: Place;
  readonly answered: number;
}

/** What its home answers. */
export interface SyncAnswer {
  readonly attempt: string;
  readonly isClosed: boolean;
  readonly log?: LogState;
  readonly entries?: readonly PurgeEntry[];
  readonly grant?: Grant;
}

interface Connection {
  readonly id: string;
  readonly who: DaemonIdentity;
  requestedAtMs: number;
  enrolment: LedgerReading | undefined;
  isLost: boolean;
  place: Place;
  send: (answer: SyncAnswer) => void;
}

/** A scheduler: all of it is memory. */
export class SimScheduler implements SimNode {
  isUp = true;
  life = 0;
  suspendedUntil = 0;
  asleepMs = 0;
  private incarnation = '';
  private log = new EntryLog({ epoch: '', first: 1, head: 0, headHash: '' });
  private views!: ViewKeeper;
  private readonly connections = new Map<string, Connection>();
  private readonly lost = new Set<string>();
  private readonly headAtRequest = new Map<number, { epoch: string; head: number }>();

  constructor(
    private readonly context: SimContext,
    private readonly manager: SimManager,
    readonly name: string,
    readonly rate: number,
  ) {
    this.start();
  }

  /** A new incarnation knows nothing (R6). */
  start(): void {
    const { world, parts, newId } = this.context;
    this.incarnation = newId('scheduler');
    this.views = new ViewKeeper(() => world.clocks(this), parts.rules);
    this.log = new EntryLog({ epoch: '', first: 1, head: 0, headHash: '' });
    this.connections.clear();
    this.lost.clear();
    this.headAtRequest.clear();
    this.isUp = true;
    this.tick();
  }

  /** An order, or entries that were fetched. */
  learn(log: LogState, entries: readonly PurgeEntry[]): void {
    const known = this.log.state;
    if (known.epoch !== log.epoch) {
      const view = this.views.view;
      // Only the view says which log id holds now; a late order does not.
      if (view !== undefined && view.epoch !== log.epoch) return;
      const first = entries[0];
      const head = first === undefined ? log.head : first.seq - 1;
      this.log = new EntryLog({ ...log, head, headHash: '' });
    } else if (log.first > known.head + 1) {
      this.log = new EntryLog({ ...log, head: log.first - 1, headHash: '' });
    }
    if (this.log.append(entries).length === 0) return;
    for (const [attempt, connection] of this.connections)
      if (!connection.isLost && connection.enrolment !== undefined)
        connection.send({ attempt, isClosed: false, ...this.logFor(connection.place) });
  }

  /** A host's request on its stream. */
  sync(request: SyncRequest, send: (answer: SyncAnswer) => void): void {
    const connection = this.connectionOf(request, send);
    if (connection === undefined || connection.isLost) {
      send({ attempt: request.attempt, isClosed: true });
      return;
    }
    connection.requestedAtMs = this.context.world.monotonic(this);
    connection.place = request.place;
    const { views } = this;
    const { parts, truth } = this.context;
    const enrolment = parts.enrolmentFor(connection.enrolment, views.view);
    if (enrolment === undefined) return;
    const { coverage } = truth;
    const granted = views.grant(request.lease, enrolment, this.log.state);
    if (typeof granted === 'string') {
      coverage.refused += 1;
      if (granted === 'OTHER_RUN') this.enrol(request.attempt, connection);
    } else coverage.granted += 1;
    const { attempt } = request;
    send({
      attempt,
      isClosed: false,
      ...this.logFor(request.place),
      ...(typeof granted === 'string' ? {} : { grant: granted }),
    });
    const { epoch } = request.place;
    this.toManager((manager) =>
      manager.answer({ ...request.who, epoch, applied: request.answered }),
    );
  }

  /** A connection breaks. */
  breakConnection(): void {
    const open = [...this.connections.values()].filter(({ isLost }) => !isLost);
    const connection = this.context.world.prng.pick(open);
    if (connection !== undefined) this.lose(connection);
  }

  private connectionOf(
    request: SyncRequest,
    send: (answer: SyncAnswer) => void,
  ): Connection | undefined {
    const known = this.connections.get(request.attempt);
    if (known !== undefined) return known;
    for (const other of this.connections.values()) {
      if (other.isLost || other.who.hostId !== request.who.hostId) continue;
      if (other.who.lock !== request.who.lock) {
        this.context.truth.coverage.inUse += 1;
        return undefined;
      }
      this.lose(other);
    }
    const { world, newId } = this.context;
    const connection: Connection = {
      id: newId(this.incarnation),
      who: request.who,
      requestedAtMs: world.monotonic(this),
      enrolment: undefined,
      isLost: false,
      place: request.place,
      send,
    };
    this.connections.set(request.attempt, connection);
    this.enrol(request.attempt, connection);
    return connection;
  }

  private enrol(attempt: string, connection: Connection): void {
    const { who, id } = connection;
    const scheduler = this.incarnation;
    this.toManager((manager) => {
      const reading = manager.enrol({ ...who, connection: id, scheduler });
      const { log } = manager.ledger;
      this.context.world.send(manager, this, () => {
        if (this.connections.get(attempt) !== connection) return;
        if (reading === undefined) this.lose(connection);
        else {
          connection.enrolment = reading;
          connection.send({ attempt, isClosed: false, ...this.logFor(connection.place) });
        }
        this.learn(log, []);
      });
    });
  }

  private lose(connection: Connection): void {
    connection.isLost = true;
    this.lost.add(connection.id);
  }

  private logFor(place: Place): { log?: LogState; entries?: readonly PurgeEntry[] } {
    const log = this.log.state;
    if (log.epoch === '') return {};
    const entries = this.log.after(place.applied, ENTRIES_PER_ANSWER) ?? [];
    return { log, entries: place.epoch === log.epoch ? entries : [] };
  }

  private tick(): void {
    const { world } = this.context;
    const now = world.monotonic(this);
    for (const connection of this.connections.values())
      if (!connection.isLost && now - connection.requestedAtMs >= SIM_TIMING.hostLeaseMs)
        this.lose(connection);
    for (const [attempt, connection] of this.connections)
      if (!connection.isLost && connection.enrolment === undefined) this.enrol(attempt, connection);
    this.reportLost();
    if (world.prng.chance(0.6)) this.askForView();
    world.later(this, TICK_MS, () => this.tick());
  }

  private reportLost(): void {
    if (this.lost.size === 0) return;
    const lost = [...this.lost];
    this.toManager((manager) => {
      manager.lose(lost);
      this.context.world.send(manager, this, () => lost.forEach((id) => this.lost.delete(id)));
    });
  }

  private askForView(): void {
    const { incarnation, views } = this;
    const number = views.request();
    this.headAtRequest.set(number, this.manager.ledger.log);
    this.toManager((manager) => {
      const { reading, log } = manager.view(incarnation);
      const entries = manager.entriesAfter(Math.max(this.log.state.head, log.first - 1));
      this.context.world.send(manager, this, () => {
        if (this.incarnation !== incarnation) return;
        const former = views.view;
        if (views.take(number, reading, SIM_TIMING)) this.checkView(former?.number ?? 0, number);
        this.learn(log, entries);
      });
    });
  }

  private checkView(former: number, number: number): void {
    if (number <= former) throw new InvariantBroken('VIEW_WENT_BACK', `${number} after ${former}`);
    const asked = this.headAtRequest.get(number);
    const { view } = this.views;
    if (asked !== undefined && view?.epoch === asked.epoch && view.head < asked.head)
      throw new InvariantBroken('VIEW_STALE', `head ${view.head}, was ${asked.head} when asked`);
    this.headAtRequest.delete(number);
  }

  private toManager(deliver: (manager: SimManager) => void): void {
    this.context.world.send(this, this.manager, () => deliver(this.manager));
  }
}
