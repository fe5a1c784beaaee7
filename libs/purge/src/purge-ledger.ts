import type { TaskId } from '@pondhawk/core';
import { chainHash } from './chain-hash.js';
import type { DaemonIdentity, Witnessed } from './fence-rules.js';
import type { LogState, PurgeEntry } from './purge-entry.js';
import { PURGE_RULES, type PurgeRules } from './rules.js';
import { NO_WAIVER, type Waiver } from './waiver-rules.js';

/** A host's row in the ledger, one a connection (R9). */
export interface EnrolmentRow extends DaemonIdentity {
  /** Scheduler incarnation and a counter; never used twice. */
  readonly connection: string;
  readonly scheduler: string;
  readonly isLost: boolean;
}

/** A daemon that may serve without a lease, whatever becomes of its connections. */
export interface WaiverMark extends DaemonIdentity {
  /** Of the waiver that it was marked under last. */
  readonly number: number;
}

/** One incarnation that a purge must account for, with the rows that made it a target. */
export interface PurgeTarget extends DaemonIdentity {
  /** None: it is one for its mark alone. */
  readonly connections: readonly string[];
  readonly outcome: 'pending' | 'answered' | 'fenced' | 'failed';
}

/** A purge in the ledger. */
export interface LoggedPurge {
  readonly entry: PurgeEntry;
  readonly epoch: string;
  readonly targets: readonly PurgeTarget[];
  /** Nobody could serve without a lease when it was accepted: ended without a failure it is final. */
  readonly isPromised: boolean;
  readonly isEnded: boolean;
}

/** All that a ledger has of one cluster, as plain data. */
export interface LedgerState {
  readonly log: LogState;
  readonly entries: readonly PurgeEntry[];
  readonly rows: readonly EnrolmentRow[];
  readonly waiver: Waiver;
  readonly marks: readonly WaiverMark[];
  readonly purges: readonly LoggedPurge[];
}

/** The ledger of a cluster before its first purge. */
export function emptyLedger(epoch: string): LedgerState {
  const log = { epoch, first: 1, head: 0, headHash: '' };
  return { log, entries: [], rows: [], waiver: NO_WAIVER, marks: [], purges: [] };
}

/** The next entry, and its targets: every incarnation with a row that counts as leased, or a mark. */
export function acceptPurge(
  state: LedgerState,
  taskId: TaskId,
  isLeased: (row: EnrolmentRow) => boolean,
): LedgerState {
  const seq = state.log.head + 1;
  const entry = { seq, taskId, chainHash: chainHash(state.log.headHash, seq, taskId) };
  const targets = new Map<string, PurgeTarget>();
  for (const row of state.rows.filter(isLeased)) {
    const { hostId, incarnation, lock } = row;
    const former = targets.get(incarnation)?.connections ?? [];
    const connections = [...former, row.connection];
    targets.set(incarnation, { hostId, incarnation, lock, connections, outcome: 'pending' });
  }
  for (const { hostId, incarnation, lock } of state.marks) {
    const connections = targets.get(incarnation)?.connections ?? [];
    targets.set(incarnation, { hostId, incarnation, lock, connections, outcome: 'pending' });
  }
  const purge = {
    entry,
    epoch: state.log.epoch,
    targets: [...targets.values()],
    isPromised: !state.waiver.isGiven && state.marks.length === 0,
    isEnded: false,
  };
  return {
    ...state,
    log: { ...state.log, head: seq, headHash: entry.chainHash },
    entries: [...state.entries, entry],
    purges: [...state.purges, purge],
  };
}

/**
 * Writes a connection's row (R9), and the daemon's mark while a waiver is given. The marks of starts
 * that it has `outlived`, as it says itself, go. That it holds the same lock would not tell which of
 * them came later: a row may be written long after its start has died. The answer is read from the
 * state that this returns.
 */
export function enrolHost(
  state: LedgerState,
  row: Omit<EnrolmentRow, 'isLost'>,
  outlived: readonly string[] = [],
): LedgerState {
  const isKnown = state.rows.some(({ connection }) => connection === row.connection);
  const rows = isKnown ? state.rows : [...state.rows, { ...row, isLost: false }];
  const living = state.marks.filter(({ incarnation }) => !outlived.includes(incarnation));
  const marks = state.waiver.isGiven ? mark(living, [row], state.waiver.number) : living;
  return { ...state, rows, marks };
}

/** Allows or forbids serving without a lease. Marks whoever may be told of it, before anybody is. */
export function changeWaiver(state: LedgerState, isGiven: boolean): LedgerState {
  if (state.waiver.isGiven === isGiven) return state;
  const waiver = { number: state.waiver.number + 1, isGiven };
  const open = state.rows.filter(({ isLost }) => !isLost);
  return {
    ...state,
    waiver,
    marks: isGiven ? mark(state.marks, open, waiver.number) : state.marks,
  };
}

/** A daemon says what it was told last of serving without a lease: its mark may go. */
export function endMark(
  state: LedgerState,
  told: { readonly incarnation: string; readonly epoch: string; readonly waiver: Waiver },
  rules: PurgeRules = PURGE_RULES,
): LedgerState {
  if (told.epoch !== state.log.epoch) return state;
  const marks = state.marks.filter(
    (mark) => mark.incarnation !== told.incarnation || !rules.isWaiverEnded(mark, told.waiver),
  );
  return { ...state, marks };
}

function mark(
  marks: readonly WaiverMark[],
  daemons: readonly DaemonIdentity[],
  number: number,
): readonly WaiverMark[] {
  const marked = new Map(marks.map((one) => [one.incarnation, one]));
  for (const { hostId, incarnation, lock } of daemons)
    marked.set(incarnation, { hostId, incarnation, lock, number });
  return [...marked.values()];
}

/** Notes a connection as lost; lost stays lost. */
export function loseConnection(state: LedgerState, connection: string): LedgerState {
  const rows = state.rows.map((row) =>
    row.connection === connection ? { ...row, isLost: true } : row,
  );
  return { ...state, rows };
}

/** Deletes rows that are lost and count no longer. */
export function forgetRows(
  state: LedgerState,
  isLeased: (row: EnrolmentRow) => boolean,
): LedgerState {
  return { ...state, rows: state.rows.filter((row) => !row.isLost || isLeased(row)) };
}

/** A daemon has applied all up to a number: answers what it stands for (R10). */
export function recordAnswer(
  state: LedgerState,
  answer: DaemonIdentity & { readonly epoch: string; readonly applied: number },
  rules: PurgeRules = PURGE_RULES,
): LedgerState {
  const purges = state.purges.map((purge) => {
    if (purge.isEnded || purge.epoch !== answer.epoch || purge.entry.seq > answer.applied)
      return purge;
    const targets = purge.targets.map((target) =>
      rules.standsFor(answer, target) ? { ...target, outcome: 'answered' as const } : target,
    );
    return { ...purge, targets };
  });
  return { ...state, purges };
}

/** Fences the targets for which `isFenced`; an answer stays, and who is marked serves without a lease. */
export function fenceTargets(
  state: LedgerState,
  isFenced: (purge: LoggedPurge, target: PurgeTarget) => boolean,
): LedgerState {
  const marked = new Set(state.marks.map(({ incarnation }) => incarnation));
  return endPending(state, 'fenced', (purge, target) => {
    return !marked.has(target.incarnation) && isFenced(purge, target);
  });
}

/** Gives up those that are waited for no longer. */
export function failTargets(
  state: LedgerState,
  isOverdue: (purge: LoggedPurge, target: PurgeTarget) => boolean,
): LedgerState {
  return endPending(state, 'failed', isOverdue);
}

function endPending(
  state: LedgerState,
  outcome: 'fenced' | 'failed',
  isMeant: (purge: LoggedPurge, target: PurgeTarget) => boolean,
): LedgerState {
  const purges = state.purges.map((purge) => {
    if (purge.isEnded) return purge;
    const targets = purge.targets.map((target) =>
      target.outcome === 'pending' && isMeant(purge, target) ? { ...target, outcome } : target,
    );
    return { ...purge, targets };
  });
  return { ...state, purges };
}

/** Ends the purges whose targets all have ended, as far as `mayEnd`; ended stays ended. */
export function endPurges(
  state: LedgerState,
  mayEnd: (purge: LoggedPurge) => boolean,
): LedgerState {
  const purges = state.purges.map((purge) =>
    !purge.isEnded && purge.targets.every(({ outcome }) => outcome !== 'pending') && mayEnd(purge)
      ? { ...purge, isEnded: true }
      : purge,
  );
  return { ...state, purges };
}

/** Forgets entries below a number; whoever needs them drops all it holds (R7). */
export function truncateLog(state: LedgerState, first: number): LedgerState {
  const from = Math.min(Math.max(first, state.log.first), state.log.head + 1);
  const entries = state.entries.filter(({ seq }) => seq >= from);
  return { ...state, log: { ...state.log, first: from }, entries };
}

/**
 * What a manager does with its ledger at the start: a new log id if the ledger may have gone back.
 * Numbers, those of waivers too, go on above every one that the witness has seen.
 */
export function openLedger(
  state: LedgerState,
  witness: Witnessed | undefined,
  newEpoch: string,
  rules: PurgeRules = PURGE_RULES,
): LedgerState {
  const { epoch } = state.log;
  const { number } = state.waiver;
  const own = { epoch, head: state.log.head, waiver: number };
  if (!rules.mustRenewEpoch(witness, own)) return state;
  const head = Math.max(state.log.head, witness?.head ?? 0);
  const log = { epoch: newEpoch, first: head + 1, head, headHash: '' };
  // A host that takes over this log id stands above every number, so its first answer counts.
  const purges = state.purges.map((purge) =>
    purge.isEnded ? purge : { ...purge, epoch: newEpoch },
  );
  const waiver = { ...state.waiver, number: Math.max(number, witness?.waiver ?? 0) };
  return { ...state, log, waiver, entries: [], purges };
}
