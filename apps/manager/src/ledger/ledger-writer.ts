import type { JobType } from '@pondhawk/jobs';
import type { EndedJob, LedgerCommandName, LedgerCommands } from './command-catalog.js';
import type { LedgerEventKind } from './command-context.js';

/** What a commit changed, for those who wait for it. */
export interface LedgerChange {
  readonly jobId: number;
  readonly kind: LedgerEventKind | 'job-deleted';
  /** With `job-ended`. */
  readonly ended?: EndedJob;
  /** With `job-accepted` of a new job. */
  readonly type?: JobType;
}

/** Told after each commit, in order; must not throw. */
export type LedgerListener = (changes: readonly LedgerChange[]) => void;

/** The only writer of the ledger. */
export abstract class LedgerWriter {
  /**
   * Applies one command; commands that wait at the same time share a commit. Resolves after the
   * commit, rejects alone if the command is refused.
   *
   * @throws ResourceExhaustedError (`LEDGER_QUEUE_FULL`) when too many commands wait.
   * @throws UnavailableError (`LEDGER_CLOSED`) once it is closing, or if the database cannot commit.
   * @throws what the command's own description says.
   */
  abstract execute<N extends LedgerCommandName>(
    name: N,
    input: LedgerCommands[N]['input'],
  ): Promise<LedgerCommands[N]['result']>;

  /** Subscribes to committed changes (waiting requests, live events, the outbox relay). @returns how to stop. */
  abstract onCommitted(listener: LedgerListener): () => void;
}
