import type { TaskId } from '@pondhawk/core';
import { JobState, JobType, NO_TARGETS } from '@pondhawk/jobs';
import {
  type DaemonIdentity,
  type EnrolmentRow,
  LeaseAccount,
  type LedgerReading,
  type LedgerState,
  type LogState,
  type LoggedPurge,
  type PurgeTarget,
  type PurgeEntry,
  acceptPurge,
  boundMs,
  emptyLedger,
  endMark,
  enrolHost,
  failTargets,
  fenceTargets,
  forgetRows,
  loseConnection,
  openLedger,
  recordAnswer,
  truncateLog,
} from '@pondhawk/purge';
import { type ForeignReport, ForeignTargets } from './foreign-targets.js';
import type { PurgeAt } from './foreign-checks.js';
import type { ForeignOrderMessage } from './foreign-run.js';
import { type SimContext, SIM_TIMING } from './parts.js';
import { InvariantBroken } from './truth.js';
import { type SimNode, noTimeStood } from './world.js';

const TICK_MS = 25;

/** A purge, and the log ids under which it has that number: a ledger that went back renames it. */
export interface NamedPurge {
  readonly entry: PurgeEntry;
  readonly epochs: readonly string[];
}

/** The manager: a ledger and its witness on disk, an account of leases in memory. */
export class SimManager implements SimNode {
  readonly name = 'manager';
  isUp = true;
  life = 0;
  suspendedUntil = 0;
  readonly stood = noTimeStood();
  ledger: LedgerState;
  onCommit: (log: LogState, entry: PurgeEntry) => void = () => undefined;
  onSuccess: (purge: NamedPurge) => void = () => undefined;
  onFenced: (purge: NamedPurge, incarnation: string) => void = () => undefined;
  onForeignOrder: (order: ForeignOrderMessage) => void = () => undefined;
  onForeignSuccess: (purge: PurgeAt, names: readonly string[]) => void = () => undefined;
  /** What it has of daemons of another make. */
  readonly foreign: ForeignTargets;
  isHolder: (hostId: string, taskId: TaskId) => boolean = () => true;
  private witness: { epoch: string; head: number; waiver: number };
  private readonly epochs: string[];
  private firstEver = 1;
  private isWaiverDoubted = false;
  private readonly promised = new Set<PurgeEntry>();
  private run: string;
  private account: LeaseAccount;
  private atLastView: LedgerState;
  private backup: LedgerState;
  private readonly commits = new Map<PurgeEntry, { readonly at: number; readonly epoch: string }>();

  constructor(
    private readonly context: SimContext,
    readonly rate: number,
  ) {
    this.foreign = new ForeignTargets(context.parts);
    this.ledger = emptyLedger(context.newId('epoch'));
    this.witness = { epoch: this.ledger.log.epoch, head: 0, waiver: 0 };
    this.epochs = [this.ledger.log.epoch];
    this.run = context.newId('run');
    // This process has run for longer than one bound already.
    const { world } = context;
    const now = world.now;
    world.now = -boundMs(SIM_TIMING) * 2;
    this.account = this.newAccount();
    world.now = now;
    this.atLastView = this.backup = this.ledger;
    this.tick();
  }

  /** An operator's delete: its targets are read, and with them it is committed. */
  accept(taskId: TaskId): void {
    const { parts, world } = this.context;
    const isTarget = (row: EnrolmentRow): boolean =>
      parts.isTarget(row, {
        isLeased: this.account.isLeased(row),
        isHolder: this.isHolder(row.hostId, taskId),
      });
    if (parts.acceptMs === 0) return this.commit(taskId, isTarget);
    const targets = new Set(this.ledger.rows.filter(isTarget).map(({ connection }) => connection));
    world.later(this, parts.acceptMs, () =>
      this.commit(taskId, ({ connection }) => targets.has(connection)),
    );
  }

  private commit(taskId: TaskId, isTarget: (row: EnrolmentRow) => boolean): void {
    const { truth, world } = this.context;
    const former = this.ledger.log.head;
    this.ledger = this.withoutSuperseded(acceptPurge(this.ledger, taskId, isTarget));
    const { log, entries } = this.ledger;
    const entry = entries.at(-1);
    if (entry === undefined) return;
    this.witness = { ...this.witness, epoch: log.epoch, head: log.head };
    this.notePromise(entry);
    this.commits.set(entry, { at: world.now, epoch: log.epoch });
    this.account.noteCommit(entry.seq);
    this.foreign.accept(entry);
    truth.commit(log.epoch, former, { seq: entry.seq, taskId, at: world.now });
    this.settle();
    this.onCommit(log, entry);
    this.orderForeign(entry);
  }

  /** Purges that the log has never lost: a restored ledger has entries again that nobody else could read. */
  get committed(): readonly PurgeAt[] {
    const kept = this.ledger.entries.filter(({ seq }) => seq >= this.firstEver);
    return kept.map((entry) => ({ entry, at: this.commits.get(entry)?.at ?? -1 }));
  }

  /** A scheduler reports what daemons of another make have answered. @returns what becomes of the report. */
  takeForeign(report: ForeignReport): ReturnType<ForeignTargets['take']> | 'job-ended' {
    if (this.hasEnded(report.entry)) return 'job-ended';
    const taken = this.foreign.take(report, this.context.world.now);
    if (taken === 'early') this.context.truth.coverage.earlyReports += 1;
    this.settle();
    return taken;
  }

  /** Whether an order is still under way, under this attempt. */
  awaits({ entry, attempt }: ForeignOrderMessage): boolean {
    return !this.hasEnded(entry) && this.foreign.attemptOf(entry) === attempt;
  }

  /** Whether a purge has ended, or the ledger has lost it. */
  hasEnded(entry: PurgeEntry): boolean {
    const purge = this.ledger.purges.find((known) => known.entry === entry);
    return purge === undefined || purge.isEnded;
  }

  private orderForeign(entry: PurgeEntry): void {
    const attempt = this.foreign.order(entry, this.context.world.now);
    if (attempt === undefined) return;
    this.onForeignOrder({ entry, attempt, names: this.foreign.pendingOf(entry) });
  }

  private findServing(marks: LedgerState['marks']): (target: PurgeTarget) => boolean {
    const marked = new Set(marks.map(({ incarnation }) => incarnation));
    const isDoubted = this.isWaiverDoubted;
    return ({ incarnation }) =>
      this.context.parts.servesOn({ isMarked: marked.has(incarnation), isDoubted });
  }

  /** Marked daemons under an id that another one has by now can neither be asked nor fenced. */
  private withoutSuperseded(ledger: LedgerState): LedgerState {
    const { rows, marks, purges } = ledger;
    const last = purges.at(-1);
    if (last === undefined) return ledger;
    const servesOn = this.findServing(marks);
    const targets = last.targets.filter((target) => {
      const newest = rows.findLast(({ hostId }) => hostId === target.hostId);
      const isOwn = newest === undefined || this.context.parts.rules.standsFor(newest, target);
      return isOwn || !servesOn(target);
    });
    return { ...ledger, purges: [...purges.slice(0, -1), { ...last, targets }] };
  }

  /** Reads the log for a scheduler's view: the time is noted first. */
  view(scheduler: string): LedgerReading {
    this.account.noteView(scheduler);
    const state = this.context.parts.readForView(this.ledger, this.atLastView);
    this.atLastView = this.ledger;
    return this.reading(state);
  }

  /** Writes a row, then reads. @returns undefined if the connection is lost already. */
  enrol(row: Omit<EnrolmentRow, 'isLost'>, outlived: readonly string[]): LedgerReading | undefined {
    this.ledger = enrolHost(this.ledger, row, outlived);
    const written = this.ledger.rows.find(({ connection }) => connection === row.connection);
    return written?.isLost === true ? undefined : this.reading(this.ledger);
  }

  /** Connections that a scheduler reports lost. */
  lose(connections: readonly string[]): void {
    for (const connection of connections) {
      this.ledger = loseConnection(this.ledger, connection);
      this.account.noteLost(connection);
    }
    this.settle();
  }

  /** A daemon's answer. */
  answer(answer: DaemonIdentity & { epoch: string; applied: number }): void {
    this.ledger = recordAnswer(this.ledger, answer, this.context.parts.rules);
    this.settle();
  }

  /** An operator allows serving without a lease, or forbids it again. */
  changeWaiver(): void {
    const { waiver } = this.ledger;
    this.ledger = this.context.parts.changeWaiver(this.ledger, !waiver.isGiven);
    this.witness = { ...this.witness, waiver: this.ledger.waiver.number };
  }

  /** A daemon says what it was told last of serving without a lease. */
  endMark(told: Parameters<typeof endMark>[1]): void {
    this.ledger = endMark(this.ledger, told, this.context.parts.rules);
  }

  /** The log, and its entries after a number. */
  entriesAfter(seq: number): { log: LogState; entries: readonly PurgeEntry[] } {
    const { log, entries } = this.ledger;
    return { log, entries: entries.filter((entry) => entry.seq > seq) };
  }

  /** Forgets the older part of the log. */
  truncate(keep: number): void {
    this.ledger = truncateLog(this.ledger, this.ledger.log.head + 1 - keep);
    this.firstEver = Math.max(this.firstEver, this.ledger.log.first);
  }

  /** Keeps a copy of the ledger for `restart`. */
  backUp(): void {
    this.backup = this.ledger;
  }

  /** Starts again; on an older copy of the ledger if asked to. The witness is not restored. */
  restart({ isRestored = false, isWitnessLost = false } = {}): void {
    const { truth, parts, newId } = this.context;
    if (isRestored) this.ledger = this.backup;
    const { epoch } = this.ledger.log;
    const witness = isWitnessLost ? undefined : this.witness;
    this.ledger = openLedger(this.ledger, witness, newId('epoch'), parts.rules);
    const { log, waiver } = this.ledger;
    if (log.epoch !== epoch) {
      truth.coverage.newEpochs += 1;
      this.epochs.push(log.epoch);
      // Who was told, and has not been heard since, may have no mark here.
      this.isWaiverDoubted ||= waiver.number > 0;
    }
    this.witness = { epoch: log.epoch, head: log.head, waiver: waiver.number };
    this.run = newId('run');
    this.account = this.newAccount();
    this.atLastView = this.ledger;
    this.isUp = true;
    this.tick();
  }

  private newAccount(): LeaseAccount {
    const { world, parts } = this.context;
    return new LeaseAccount(
      () => SIM_TIMING,
      () => world.monotonic(this),
      parts.rules,
    );
  }

  private reading(state: LedgerState): LedgerReading {
    const { log, waiver } = state;
    return { epoch: log.epoch, run: this.run, head: log.head, waiver };
  }

  private tick(): void {
    this.settle();
    for (const { entry, isEnded } of this.ledger.purges) if (!isEnded) this.orderForeign(entry);
    this.ledger = forgetRows(this.ledger, (row) => this.account.isLeased(row));
    this.context.world.tick(this, TICK_MS, () => this.tick());
  }

  /** Notes whether a purge that was accepted just now is said to be final. */
  private notePromise(entry: PurgeEntry): void {
    const { waiver, marks } = this.ledger;
    const { truth, parts } = this.context;
    const facts = {
      foreignHosts: this.foreign.count,
      allowsForeignParents: truth.areForeignParentsAllowed,
      isWaiverGiven: waiver.isGiven || this.isWaiverDoubted,
      waivedDaemons: marks.length,
    };
    if (parts.isPromised(facts) && (facts.foreignHosts > 0 || facts.allowsForeignParents))
      throw new InvariantBroken('FOREIGN_PROMISED', `purge ${entry.seq}`);
    // Nothing is said of foreign daemons; of its own hosts all holds that ever did.
    if (parts.isPromised({ ...facts, foreignHosts: 0 })) this.promised.add(entry);
    else if (waiver.number === 0 && !facts.allowsForeignParents)
      throw new InvariantBroken('PROMISE_WITHHELD', `purge ${entry.seq}`);
    else truth.coverage.unpromised += 1;
  }

  private settle(): void {
    const { account } = this;
    const former = this.ledger.purges;
    if (former.every(({ isEnded }) => isEnded)) return;
    const { rows, marks } = this.ledger;
    const servesOn = this.findServing(marks);
    const fenced = fenceTargets(
      { ...this.ledger, marks: [] },
      (purge, target) => !servesOn(target) && account.isFenced(purge, target, rows),
    );
    const given = failTargets(
      { ...fenced, marks },
      (purge, target) => servesOn(target) && account.isBoundOver(purge),
    );
    this.ledger = this.context.parts.endPurges(given, (purge) => {
      return account.mayEnd(purge) && this.foreign.mayEnd(purge.entry);
    });
    this.ledger.purges.forEach((purge, index) => {
      if (former[index]?.isEnded === false) this.noteOutcomes(purge, former[index]);
    });
  }

  private noteOutcomes(purge: LoggedPurge, former: LoggedPurge): void {
    const { entry } = purge;
    const commit = this.commits.get(entry);
    const { epochs } = this;
    const named = { entry, epochs: epochs.slice(epochs.indexOf(commit?.epoch ?? '')) };
    purge.targets.forEach(({ outcome, incarnation }, index) => {
      if (former.targets[index]?.outcome === 'pending' && outcome === 'fenced')
        this.onFenced(named, incarnation);
    });
    if (purge.isEnded) this.noteEnd(purge, named);
  }

  private checkForeign(entry: PurgeEntry): void {
    const outcomes = this.foreign.outcomesOf(entry);
    const leftOut = this.foreign
      .askedOf(entry)
      .find((name) => (outcomes.get(name) ?? 'pending') === 'pending');
    if (leftOut !== undefined)
      throw new InvariantBroken('FOREIGN_LEFT_OUT', `${leftOut} of purge ${entry.seq}`);
  }

  private noteEnd({ entry, targets }: LoggedPurge, named: NamedPurge): void {
    const { truth, world, parts } = this.context;
    const foreign = this.foreign.outcomesOf(entry);
    const outcomes = [...targets.map(({ outcome }) => outcome), ...foreign.values()];
    for (const { outcome } of targets) if (outcome !== 'pending') truth.coverage[outcome] += 1;
    for (const outcome of foreign.values())
      if (outcome === 'answered') truth.coverage.foreignAnswered += 1;
    const counts = { ...NO_TARGETS };
    for (const outcome of outcomes) counts[outcome] += 1;
    const clusters = [{ clusterId: 1, counts, failedOrders: 0 }];
    const { state } = parts.decideOutcome({ type: JobType.DeleteTask, clusters });
    if (state !== JobState.Success) return;
    const { at } = this.commits.get(entry) ?? { at: -1 };
    this.checkForeign(entry);
    this.onForeignSuccess({ entry, at }, [...foreign.keys()]);
    if (!this.promised.has(entry)) return;
    truth.succeed(entry.taskId, at, world.now);
    this.onSuccess(named);
  }
}
