import type { JobType } from '@pondhawk/jobs';
import type { Insertable, Transaction } from 'kysely';
import type { EndedJob } from './command-catalog.js';
import type { LeaseBook } from './lease-book.js';
import type { LedgerChange } from './ledger-writer.js';
import type { EventsTable, LedgerDialect, LedgerTables } from './tables.js';

/** What happened to a job, as `events` keeps it. */
export type LedgerEventKind =
  | 'job-accepted'
  | 'job-running'
  | 'job-cancelling'
  | 'order-queued'
  | 'order-waiting'
  | 'order-ended'
  | 'targets-changed'
  | 'targets-later'
  | 'job-ended';

/** Events that say what stands now: each makes those of its kind before it needless. */
const SUPERSEDING: readonly LedgerEventKind[] = ['targets-changed', 'targets-later'];
/** Events of one such kind that a job keeps: 50,000 hosts in full reports make 200, however small the reports are. */
export const SUPERSEDED_EVENTS_MAX = 500;

/** One event as a command appends it. */
export interface NewEvent {
  readonly jobId: number;
  readonly kind: LedgerEventKind;
  /** As clients read it: names in snake_case. */
  readonly data: Readonly<Record<string, unknown>>;
  /** With `job-ended`, for listeners in this process. */
  readonly ended?: EndedJob;
  /** With `job-accepted`, for listeners in this process. */
  readonly type?: JobType;
}

/** What a command has brought a cluster's log to. */
export interface ReachedLog {
  readonly epoch: string;
  readonly head: number;
  /** The number of its waiver, where the command changed it. */
  readonly waiver?: number;
}

/** What all commands of one commit work with. */
export interface CommandParts {
  readonly db: Transaction<LedgerTables>;
  readonly dialect: LedgerDialect;
  readonly leases: LeaseBook;
}

/**
 * What one command works with while it is applied: the transaction, its own time and number, and
 * what it tells others once it is committed. Lives for one command; nothing but the database may be
 * awaited while it does.
 */
export class CommandContext {
  /** Told to listeners after the commit. */
  readonly changes: LedgerChange[] = [];
  /** Heads of purge logs that this command moved, by cluster; witnessed before anybody hears of them. */
  readonly purgeHeads = new Map<number, ReachedLog>();
  /** Done right after the commit, before anybody is told; must not throw. */
  readonly afterCommit: (() => void)[] = [];
  private eventCount = 0;

  constructor(
    private readonly parts: CommandParts,
    readonly atMs: number,
    /** The command's ledger number. */
    readonly number: number,
  ) {}

  get db(): Transaction<LedgerTables> {
    return this.parts.db;
  }

  get dialect(): LedgerDialect {
    return this.parts.dialect;
  }

  get leases(): LeaseBook {
    return this.parts.leases;
  }

  /** Appends to `events`, and has listeners told after the commit; the ordinal counts the events of this command. */
  async appendEvent(event: NewEvent): Promise<void> {
    const { jobId, kind } = event;
    await this.db.insertInto('events').values(this.noteEvent(event)).execute();
    if (SUPERSEDING.includes(kind)) await this.dropOldest(jobId, kind);
  }

  /** The row of an event that the caller inserts; listeners are told after the commit. Not for those that supersede others. */
  noteEvent({ jobId, kind, data, ended, type }: NewEvent): Insertable<EventsTable> {
    this.eventCount += 1;
    this.changes.push({
      ...{ jobId, kind },
      ...(ended === undefined ? {} : { ended }),
      ...(type === undefined ? {} : { type }),
    });
    return {
      ledger_number: this.number,
      ordinal: this.eventCount,
      ...{ job_id: jobId, kind, data: JSON.stringify(data), at_ms: this.atMs },
    };
  }

  /** A client that knows one of the dropped events gets a snapshot. */
  private async dropOldest(jobId: number, kind: LedgerEventKind): Promise<void> {
    const ofKind = this.db
      .selectFrom('events')
      .select('ledger_number')
      .where('job_id', '=', jobId)
      .where('kind', '=', kind)
      .orderBy('ledger_number', 'desc')
      .limit(1)
      .offset(SUPERSEDED_EVENTS_MAX);
    const newest = await ofKind.executeTakeFirst();
    if (newest === undefined) return;
    await this.db
      .deleteFrom('events')
      .where('job_id', '=', jobId)
      .where('kind', '=', kind)
      .where('ledger_number', '<=', newest.ledger_number)
      .execute();
  }
}

/**
 * Takes the next ledger numbers, given twice only if the first taker was rolled back, and notes the
 * newest time. @returns the first of them.
 */
export async function takeLedgerNumbers(
  db: Transaction<LedgerTables>,
  { atMs, count }: { readonly atMs: number; readonly count: number },
): Promise<number> {
  const { number } = await db
    .updateTable('ledger_head')
    .set((eb) => ({
      number: eb('number', '+', count),
      newest_at_ms: eb
        .case()
        .when('newest_at_ms', '<', atMs)
        .then(atMs)
        .else(eb.ref('newest_at_ms'))
        .end(),
    }))
    .where('id', '=', 1)
    .returning('number')
    .executeTakeFirstOrThrow();
  return number - count + 1;
}
