import type { TaskId } from '@pondhawk/core';

/** Names of what must always hold. */
export type Invariant =
  | 'PURGED_BYTES_SERVED'
  | 'PURGED_BYTES_IN_COPY'
  | 'APPLIED_FELL'
  | 'LEASED_AT_SUCCESS'
  | 'FENCED_BUT_SERVES'
  | 'PROMISE_WITHHELD'
  | 'LEASE_UNMET'
  | 'LEASE_TOO_LONG'
  | 'VIEW_STALE'
  | 'VIEW_WENT_BACK'
  | 'VIEW_TOO_OLD'
  | 'PIECE_MISPLACED'
  | 'NUMBER_GAP'
  | 'JOB_NOT_ENDED'
  | 'HOST_NOT_LEASED'
  | 'FOREIGN_KEEPS'
  | 'FOREIGN_UNNOTICED'
  | 'FOREIGN_FAILED'
  | 'FOREIGN_LEFT_OUT'
  | 'FOREIGN_SUPPLIES'
  | 'FOREIGN_PROMISED';

/** Thrown by the step after which an invariant does not hold. */
export class InvariantBroken extends Error {
  constructor(
    readonly invariant: Invariant,
    detail: string,
  ) {
    super(`${invariant}: ${detail}`);
  }
}

/** What happened, so that a run that does nothing does not pass. */
export interface Coverage {
  accepted: number;
  succeeded: number;
  fenced: number;
  answered: number;
  served: number;
  fromPeers: number;
  behind: number;
  gone: number;
  completed: number;
  abortedFills: number;
  granted: number;
  refused: number;
  dropped: number;
  newEpochs: number;
  inUse: number;
  unpromised: number;
  failed: number;
  waived: number;
  foreignCopies: number;
  foreignCaughtUp: number;
  foreignRepeated: number;
  foreignWarned: number;
  foreignAnswered: number;
  foreignSupplied: number;
  earlyReports: number;
}

/** A coverage of nothing. */
export function noCoverage(): Coverage {
  return {
    accepted: 0,
    succeeded: 0,
    fenced: 0,
    answered: 0,
    served: 0,
    fromPeers: 0,
    behind: 0,
    gone: 0,
    completed: 0,
    abortedFills: 0,
    granted: 0,
    refused: 0,
    dropped: 0,
    newEpochs: 0,
    inUse: 0,
    unpromised: 0,
    failed: 0,
    waived: 0,
    foreignCopies: 0,
    foreignCaughtUp: 0,
    foreignRepeated: 0,
    foreignWarned: 0,
    foreignAnswered: 0,
    foreignSupplied: 0,
    earlyReports: 0,
  };
}

interface Commit {
  readonly seq: number;
  readonly taskId: TaskId;
  readonly at: number;
}

/** What an observer outside of all daemons knows, with real times. */
export class Truth {
  readonly coverage = noCoverage();
  /** The longest that a purge has taken from its commit to its SUCCESS. */
  slowestPurgeMs = 0;
  /** Own hosts may download from foreign daemons, so that nothing is promised of what they keep. */
  areForeignParentsAllowed = false;
  /** Purges after which it was noticed that a foreign daemon still holds what was to go: its name, log id and number. */
  readonly warnedOf = new Set<string>();
  /** By task: the newest commit of a purge that has ended with SUCCESS. */
  private readonly finalSince = new Map<TaskId, number>();
  private readonly commits = new Map<string, Commit[]>();

  /** A purge is committed. */
  commit(epoch: string, formerHead: number, commit: Commit): void {
    if (commit.seq !== formerHead + 1)
      throw new InvariantBroken('NUMBER_GAP', `${commit.seq} after ${formerHead}`);
    const known = this.commits.get(epoch);
    if (known === undefined) this.commits.set(epoch, [commit]);
    else known.push(commit);
    this.coverage.accepted += 1;
  }

  /** A purge has ended with SUCCESS. */
  succeed(taskId: TaskId, committedAt: number, now: number): void {
    this.slowestPurgeMs = Math.max(this.slowestPurgeMs, now - committedAt);
    this.finalSince.set(taskId, Math.max(committedAt, this.finalSince.get(taskId) ?? -1));
    this.coverage.succeeded += 1;
  }

  /** Bytes that were read from the origin at `readAt` are handed to the kernel. */
  serve(taskId: TaskId, readAt: number, by: string): void {
    this.coverage.served += 1;
    const final = this.finalSince.get(taskId) ?? -1;
    if (readAt < final)
      throw new InvariantBroken('PURGED_BYTES_SERVED', `${by}: read ${readAt}, purged ${final}`);
  }

  /** A copy that is not purged, whose oldest byte was read at `readAt`. */
  keep(copy: { taskId: TaskId; epoch: string; upTo: number; readAt: number }): void {
    if (this.areForeignParentsAllowed) return;
    for (const { seq, taskId, at } of this.commits.get(copy.epoch) ?? []) {
      if (taskId === copy.taskId && seq <= copy.upTo && at > copy.readAt)
        throw new InvariantBroken('PURGED_BYTES_IN_COPY', `purge ${seq} of ${copy.epoch}`);
    }
  }
}
