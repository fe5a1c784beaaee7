import {
  type DaemonIdentity,
  EntryLog,
  type Grant,
  type LeaseRequest,
  type LedgerReading,
  type LogState,
  type Place,
  type PurgeEntry,
  type ViewKeeper,
  type Waiver,
} from '@pondhawk/purge';
import { ForeignDesk } from './foreign-desk.js';
import { type SimContext, SIM_TIMING } from './parts.js';
import type { SimManager } from './sim-manager.js';
import { InvariantBroken } from './truth.js';
import { type SimNode, noTimeStood } from './world.js';

const TICK_MS = 40;
const ENTRIES_PER_ANSWER = 50;

/** What a scheduler asks the manager for. */
export type NewsKind = 'views' | 'entries' | 'rows';

/** What a host says on its stream. */
export interface SyncRequest {
  readonly attempt: string;
  readonly who: DaemonIdentity;
  readonly lease: LeaseRequest;
  readonly place: Place;
  readonly answered: number;
  /** Starts of its folder that are dead. */
  readonly outlived: readonly string[];
  /** What it was told last of serving without a lease, under the log id of its place. */
  readonly told: Waiver;
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
  readonly outlived: readonly string[];
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
  readonly stood = noTimeStood();
  /** What it does about daemons of another make. */
  readonly foreign: ForeignDesk;
  private incarnation = '';
  private log = new EntryLog({ epoch: '', first: 1, head: 0, headHash: '' });
  private views!: ViewKeeper;
  private readonly connections = new Map<string, Connection>();
  private readonly lost = new Set<string>();
  private stalled: { readonly kinds: readonly NewsKind[]; readonly until: number } = {
    kinds: [],
    until: 0,
  };
  /** What an observer saw when a view was asked for. */
  private readonly asked = new Map<number, { log: LogState; at: number }>();

  constructor(
    private readonly context: SimContext,
    private readonly manager: SimManager,
    readonly name: string,
    readonly rate: number,
  ) {
    this.foreign = new ForeignDesk(context, this, manager, () => this.log);
    this.start();
  }

  /** A new incarnation knows nothing (R6). */
  start(): void {
    const { world, parts, newId } = this.context;
    this.incarnation = newId('scheduler');
    this.views = parts.newViews({
      incarnation: this.incarnation,
      readClocks: () => world.clocks(this),
      rules: parts.rules,
      former: this.views,
    });
    this.log = new EntryLog({ epoch: '', first: 1, head: 0, headHash: '' });
    this.connections.clear();
    this.lost.clear();
    this.asked.clear();
    this.foreign.restart();
    this.isUp = true;
    this.tick();
  }

  private learn(log: LogState, entries: readonly PurgeEntry[]): void {
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
    if (this.log.append(entries).length > 0) {
      for (const [attempt, connection] of this.connections)
        if (!connection.isLost && connection.enrolment !== undefined)
          connection.send({ attempt, isClosed: false, ...this.logFor(attempt, connection) });
    }
    this.foreign.logChanged();
    const last = entries.at(-1);
    if (last !== undefined && last.seq > this.log.state.head) this.fetch();
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
    } else {
      coverage.granted += 1;
      this.checkGrant();
    }
    const { attempt } = request;
    send({
      attempt,
      isClosed: false,
      ...this.logFor(attempt, connection),
      ...(typeof granted === 'string' ? {} : { grant: granted }),
    });
    const { epoch } = request.place;
    const { told, who } = request;
    this.context.world.send(this, this.manager, () => {
      this.manager.answer({ ...who, epoch, applied: request.answered });
      this.manager.endMark({ incarnation: who.incarnation, epoch, waiver: told });
    });
  }

  /** The manager's answers to some questions do not come, or late, from now on; all else passes. */
  stall(kinds: readonly NewsKind[], ms: number): void {
    this.stalled = { kinds, until: this.context.world.now + ms };
  }

  /** An order comes. @returns whether it does. */
  takeOrder(log: LogState, entry: PurgeEntry): boolean {
    if (this.isStalled('entries')) return false;
    this.learn(log, [entry]);
    return true;
  }

  /** A connection breaks; one of a host's, if it is named. */
  breakConnection(hostId?: string): void {
    const open = [...this.connections.values()].filter(
      ({ isLost, who }) => !isLost && (hostId ?? who.hostId) === who.hostId,
    );
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
      outlived: request.outlived,
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
    const { who, id, outlived } = connection;
    const scheduler = this.incarnation;
    this.ask(
      'rows',
      (manager) => manager.enrol({ ...who, connection: id, scheduler }, outlived),
      (reading) => {
        if (this.connections.get(attempt) !== connection) return;
        if (reading === undefined) {
          this.lose(connection);
          return;
        }
        connection.enrolment = reading;
        connection.send({ attempt, isClosed: false, ...this.logFor(attempt, connection) });
        if (this.isBehind(reading)) this.fetch();
      },
    );
  }

  private lose(connection: Connection): void {
    connection.isLost = true;
    this.lost.add(connection.id);
  }

  /** What a host is told of the log; what lies further back than is at hand comes later. */
  private logFor(
    attempt: string,
    connection: Connection,
  ): { log?: LogState; entries?: readonly PurgeEntry[] } {
    const log = this.log.state;
    const { epoch, applied } = connection.place;
    if (log.epoch === '') return {};
    if (epoch !== log.epoch) return { log, entries: [] };
    const entries = this.log.after(applied, ENTRIES_PER_ANSWER);
    if (entries === undefined)
      this.ask(
        'entries',
        (manager) => manager.entriesAfter(applied),
        (older) => {
          if (older.log.epoch === epoch && !connection.isLost)
            connection.send({ attempt, isClosed: false, ...older });
        },
      );
    return { log, entries: entries ?? [] };
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
    world.tick(this, TICK_MS, () => this.tick());
  }

  private reportLost(): void {
    if (this.lost.size === 0) return;
    const lost = [...this.lost];
    this.ask(
      'rows',
      (manager) => manager.lose(lost),
      () => lost.forEach((id) => this.lost.delete(id)),
    );
  }

  private askForView(): void {
    const { incarnation } = this;
    const number = this.views.request();
    this.asked.set(number, { log: this.manager.ledger.log, at: this.context.world.now });
    this.ask(
      'views',
      (manager) => manager.view(incarnation),
      (reading) => {
        if (this.context.parts.isOwnView(incarnation, this.incarnation))
          this.takeView(number, reading);
      },
    );
  }

  private takeView(number: number, reading: LedgerReading): void {
    const former = this.views.view;
    if (!this.views.take(number, reading, SIM_TIMING)) return;
    this.checkView(former?.number ?? 0, number);
    if (this.isBehind(reading)) this.fetch();
  }

  private isBehind({ epoch, head }: LedgerReading): boolean {
    const { state } = this.log;
    return state.epoch !== epoch || state.head < head;
  }

  /** Asks for what this scheduler's log lacks. */
  private fetch(): void {
    const { epoch, head } = this.log.state;
    this.ask(
      'entries',
      (manager) => manager.entriesAfter(manager.ledger.log.epoch === epoch ? head : 0),
      ({ log, entries }) => this.learn(log, entries),
    );
  }

  private checkGrant(): void {
    const asked = this.asked.get(this.views.view?.number ?? 0);
    if (asked === undefined) return; // By a former start.
    const ageMs = (this.context.world.now - asked.at) * Math.min(this.rate, 1);
    if (ageMs > SIM_TIMING.schedulerLeaseMs + 1e-6)
      throw new InvariantBroken('VIEW_TOO_OLD', `granted on one of ${ageMs} ms`);
  }

  private checkView(former: number, number: number): void {
    if (number <= former) throw new InvariantBroken('VIEW_WENT_BACK', `${number} after ${former}`);
    const asked = this.asked.get(number)?.log;
    const { view } = this.views;
    if (asked !== undefined && view?.epoch === asked.epoch && view.head < asked.head)
      throw new InvariantBroken('VIEW_STALE', `head ${view.head}, was ${asked.head} when asked`);
  }

  private isStalled(kind: NewsKind): boolean {
    const { now, isMended } = this.context.world;
    return !isMended && now < this.stalled.until && this.stalled.kinds.includes(kind);
  }

  private ask<Answer>(
    kind: NewsKind,
    question: (manager: SimManager) => Answer,
    take: (answer: Answer) => void,
  ): void {
    const { manager } = this;
    const { world } = this.context;
    const { prng } = world;
    const heldMs = this.isStalled(kind) ? prng.between(0, this.stalled.until - world.now) : 0;
    if (heldMs > 0 && prng.chance(0.5)) return;
    world.send(this, manager, () => {
      const answer = question(manager);
      world.send(manager, this, () => {
        if (heldMs === 0) take(answer);
        else world.plan(world.now + heldMs, () => this.isUp && take(answer));
      });
    });
  }
}
