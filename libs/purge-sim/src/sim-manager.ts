import type { TaskId } from '@pondhawk/core';
import {
  type DaemonIdentity,
  type EnrolmentRow,
  LeaseAccount,
  type LedgerReading,
  type LedgerState,
  type LogState,
  type LoggedPurge,
  type PurgeEntry,
  acceptPurge,
  boundMs,
  emptyLedger,
  endPurges,
  enrolHost,
  fenceTargets,
  forgetRows,
  loseConnection,
  openLedger,
  recordAnswer,
  truncateLog,
} from '@pondhawk/purge';
import { type SimContext, SIM_TIMING } from './parts.js';
import { type SimNode, noTimeStood } from './world.js';

const TICK_MS = 25;

/** The manager: a ledger and its witness on disk, an account of leases in memory. */
export class SimManager implements SimNode {
  readonly name = 'manager';
  isUp = true;
  life = 0;
  suspendedUntil = 0;
  readonly stood = noTimeStood();
  ledger: LedgerState;
  onCommit: (log: LogState, entry: PurgeEntry) => void = () => undefined;
  onSuccess: (purge: LoggedPurge) => void = () => undefined;
  isHolder: (hostId: string, taskId: TaskId) => boolean = () => true;
  private witness: { epoch: string; head: number };
  private run: string;
  private account: LeaseAccount;
  private atLastView: LedgerState;
  private backup: LedgerState;
  private readonly committedAt = new Map<string, number>();

  constructor(
    private readonly context: SimContext,
    readonly rate: number,
  ) {
    this.ledger = emptyLedger(context.newId('epoch'));
    this.witness = { epoch: this.ledger.log.epoch, head: 0 };
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
    this.ledger = acceptPurge(this.ledger, taskId, isTarget);
    const { log, entries } = this.ledger;
    const entry = entries.at(-1);
    if (entry === undefined) return;
    this.witness = { epoch: log.epoch, head: log.head };
    this.committedAt.set(entry.chainHash + log.epoch, world.now);
    this.account.noteCommit(entry.seq);
    truth.commit(log.epoch, former, { seq: entry.seq, taskId, at: world.now });
    this.settle();
    this.onCommit(log, entry);
  }

  /** Reads the log for a scheduler's view: the time is noted first. */
  view(scheduler: string): LedgerReading {
    this.account.noteView(scheduler);
    const state = this.context.parts.readForView(this.ledger, this.atLastView);
    this.atLastView = this.ledger;
    return this.reading(state);
  }

  /** Writes a row, then reads. @returns undefined if the connection is lost already. */
  enrol(row: Omit<EnrolmentRow, 'isLost'>): LedgerReading | undefined {
    this.ledger = enrolHost(this.ledger, row);
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

  /** The log, and its entries after a number. */
  entriesAfter(seq: number): { log: LogState; entries: readonly PurgeEntry[] } {
    const { log, entries } = this.ledger;
    return { log, entries: entries.filter((entry) => entry.seq > seq) };
  }

  /** Forgets the older part of the log. */
  truncate(keep: number): void {
    this.ledger = truncateLog(this.ledger, this.ledger.log.head + 1 - keep);
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
    if (this.ledger.log.epoch !== epoch) truth.coverage.newEpochs += 1;
    this.witness = { epoch: this.ledger.log.epoch, head: this.ledger.log.head };
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
    return { epoch: state.log.epoch, run: this.run, head: state.log.head };
  }

  private tick(): void {
    this.settle();
    this.ledger = forgetRows(this.ledger, (row) => this.account.isLeased(row));
    this.context.world.later(this, TICK_MS, () => this.tick());
  }

  private settle(): void {
    const { account } = this;
    const former = this.ledger.purges;
    if (former.every(({ isEnded }) => isEnded)) return;
    const { rows } = this.ledger;
    this.ledger = endPurges(
      fenceTargets(this.ledger, (purge, target) => account.isFenced(purge, target, rows)),
      (purge) => account.mayEnd(purge),
    );
    this.ledger.purges.forEach((purge, index) => {
      if (!purge.isEnded || former[index]?.isEnded !== false) return;
      const { coverage } = this.context.truth;
      for (const { outcome } of purge.targets)
        coverage[outcome === 'fenced' ? 'fenced' : 'answered'] += 1;
      // Renamed under another epoch it is still the purge of before.
      const at = [...this.committedAt].find(([key]) => key.startsWith(purge.entry.chainHash))?.[1];
      this.context.truth.succeed(purge.entry.taskId, at ?? -1, this.context.world.now);
      this.onSuccess(purge);
    });
  }
}
