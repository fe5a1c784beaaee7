import {
  DataCorruptionError,
  PondhawkError,
  UnavailableError,
  toError,
  type TaskId,
} from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import { chainHash, PURGE_RULES, type LogState, type PurgeEntry } from '@pondhawk/purge';
import type { TaskDeletion } from '../deletion/index.js';
import type { AppliedPosition, PurgeResult, SqlitePurges } from './sqlite-purges.js';

/** What became of one purge on this host. */
export type PurgeAnswer =
  | {
      readonly outcome: 'deleted' | 'absent';
      readonly copies: number;
      readonly deletedBytes: number;
    }
  | { readonly outcome: 'failed'; readonly code: string; readonly message: string };

const NOTHING: PurgeAnswer = { outcome: 'absent', copies: 0, deletedBytes: 0 };

/** What the log works with. */
export interface PurgeLogParts {
  readonly rows: SqlitePurges;
  readonly deletion: TaskDeletion;
  readonly log: Log;
}

/**
 * The purge log on this host: entries are applied strictly in order of their numbers, each once.
 * In the turn in which entries come, their copies are marked and `applied` is raised in one
 * transaction, and fills and uploads of those copies end; files and rows follow. An answer is given
 * when they are gone, and is the same whoever asks for it and however often.
 */
export class PurgeLog {
  private readonly answers = new Map<number, Promise<PurgeAnswer>>(); // Of purges whose files are being removed.
  private readonly waiters = new Set<() => void>(); // Called when the position has moved.

  constructor(private readonly parts: PurgeLogParts) {}

  /** Where this host stands. */
  get position(): AppliedPosition {
    return this.parts.rows.readPosition();
  }

  /**
   * Takes over the log that the scheduler names. Nothing happens while this host follows that very
   * log; if it does not, or the log no longer reaches back to where this host stands, everything
   * that is here may have been purged, and goes.
   */
  adopt(state: LogState): void {
    const { epoch, applied } = this.position;
    if (!PURGE_RULES.mustDropAll({ epoch, applied }, state)) return;
    const dropped = this.parts.deletion.purge(() => this.parts.rows.adopt(state));
    this.answers.clear();
    this.parts.log.warn('another purge log: everything here is dropped', {
      former: `${epoch}.${applied}`,
      now: `${state.epoch}.${state.head}`,
    });
    dropped.catch((error: unknown) => {
      this.parts.log.error('dropped copies remain for the next start', { err: toError(error) });
    });
    this.tell();
  }

  /**
   * Applies entries in order; those applied already are left out, and so is what lies behind a gap.
   *
   * @returns the answers to come of those that were applied now.
   * @throws DataCorruptionError (`PURGE_LOG_MISMATCH`) when the entries are of another history;
   *   UnavailableError (`DISK_FULL`, `DISK_ERROR`): nothing was applied then.
   */
  take(epoch: string, entries: readonly PurgeEntry[]): Map<number, Promise<PurgeAnswer>> {
    const next = this.selectNext(epoch, entries);
    const answers = new Map<number, Promise<PurgeAnswer>>();
    if (next.length === 0) return answers;
    const done = this.parts.deletion.purge(() => this.parts.rows.apply(next));
    // Each answer waits for its own task; this only keeps a failure from going unheard twice.
    done.catch(() => undefined);
    for (const { seq, taskId } of next) {
      const answer = this.finish(seq, taskId);
      this.answers.set(seq, answer);
      answers.set(seq, answer);
      void answer.then(() => {
        if (this.answers.get(seq) === answer) this.answers.delete(seq);
      });
    }
    this.tell();
    return answers;
  }

  /** Purges that removed something and of which no scheduler was told. */
  listUntold(): PurgeResult[] {
    return this.parts.rows.listUntold();
  }

  /** Remembers that a scheduler was told. */
  markTold(seqs: readonly number[]): void {
    this.parts.rows.markTold(seqs);
  }

  /** The answer to a purge that was applied; what could not be removed before is tried again. */
  answerOf(seq: number, taskId: TaskId): Promise<PurgeAnswer> {
    return this.answers.get(seq) ?? this.finish(seq, taskId);
  }

  /** Whether a number of an epoch is applied. */
  hasApplied(epoch: string, seq: number): boolean {
    const position = this.position;
    return position.epoch === epoch && position.applied >= seq;
  }

  /** Resolves when the number is applied. @throws UnavailableError (`PURGE_NOT_REACHED`) after `timeoutMs`. */
  async whenApplied(epoch: string, seq: number, timeoutMs: number): Promise<void> {
    if (this.hasApplied(epoch, seq)) return;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (!this.hasApplied(epoch, seq)) return;
        end();
        resolve();
      };
      const timer = setTimeout(() => {
        end();
        const { applied } = this.position;
        const text = `This host has applied the purge log up to ${applied}, not yet up to ${seq}.`;
        reject(new UnavailableError('PURGE_NOT_REACHED', text));
      }, timeoutMs);
      const end = (): void => {
        clearTimeout(timer);
        this.waiters.delete(look);
      };
      this.waiters.add(look);
    });
  }

  /** Entries that are next, checked to continue what this host has applied. */
  private selectNext(epoch: string, entries: readonly PurgeEntry[]): PurgeEntry[] {
    const position = this.position;
    if (position.epoch !== epoch) return [];
    const next: PurgeEntry[] = [];
    let { applied, hash } = position;
    for (const entry of entries) {
      if (!PURGE_RULES.isNextEntry({ applied }, entry)) continue;
      const expected = chainHash(hash, entry.seq, entry.taskId);
      if (entry.chainHash !== expected) {
        throw new DataCorruptionError(
          'PURGE_LOG_MISMATCH',
          `Purge ${entry.seq} does not continue what this host has applied: it is of another history.`,
          { details: { seq: entry.seq } },
        );
      }
      next.push(entry);
      applied = entry.seq;
      hash = entry.chainHash;
    }
    return next;
  }

  private async finish(seq: number, taskId: TaskId): Promise<PurgeAnswer> {
    const { rows, deletion } = this.parts;
    const epoch = this.position.epoch;
    try {
      const isOwn = !deletion.isRunning(taskId);
      const receipt = await deletion.finishTask(taskId);
      if (isOwn && this.position.epoch === epoch && receipt.copies > 0) {
        // Leavings of a former purge; what this one marked has its row already.
        rows.addResult({ seq, taskId, ...receipt });
      }
      const result = rows.findResult(seq);
      if (result?.taskId !== taskId) return NOTHING;
      const { copies, deletedBytes } = result;
      return { outcome: 'deleted', copies, deletedBytes };
    } catch (thrown) {
      const error = toError(thrown);
      const code = error instanceof PondhawkError ? error.code : 'INTERNAL';
      return { outcome: 'failed', code, message: error.message };
    }
  }

  private tell(): void {
    for (const look of [...this.waiters]) look();
  }
}
