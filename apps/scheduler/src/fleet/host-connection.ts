import {
  ENTRIES_PER_MESSAGE_MAX,
  fromLogState,
  fromPurgeEntry,
  type commonV2,
  type pondhawkV1,
} from '@pondhawk/contracts';
import { UnavailableError, WakeLoop, type HostId } from '@pondhawk/core';
import type { LedgerReading, LogState } from '@pondhawk/purge';
import type { Mailbox } from '../announcing/mailbox.js';
import { OpenQuestions } from './open-questions.js';
import type { PurgeFeed } from './purge-feed.js';

/** Outcomes kept for orders that come after what they order: views and enrolments tell of the log as well. */
export const EARLY_OUTCOMES_MAX = 32;

type Outcome = pondhawkV1.PurgeOutcome;

interface Waiter {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: Error) => void;
}

/** What a connection works with. */
export interface HostConnectionParts {
  readonly hostId: HostId;
  /** As it said of itself. */
  readonly host: commonV2.Host;
  readonly incarnation: string;
  /** Of its data folder. */
  readonly lock: string;
  /** Starts that held that lock before, all of them dead. */
  readonly outlived: readonly string[];
  /** Its number within this scheduler's incarnation. */
  readonly connection: number;
  readonly feed: PurgeFeed;
  readonly outbox: Mailbox<pondhawkV1.SyncResponse>;
  /** Told of outcomes that nobody waits for. */
  readonly onLater: (outcome: Outcome, epoch: string) => void;
}

/**
 * One host's stream. *Open* from the enrolment on: sends the log's state, then every entry after
 * what the host has applied, in order. *Closed*: whoever waits for an outcome or an answer is told.
 */
export class HostConnection {
  /** What the host is asked on this stream. */
  readonly questions: OpenQuestions;
  private epoch = '';
  private sent = 0; // The host was sent everything up to here.
  private lateUpTo = 0; // Entries up to here were accepted before the host connected.
  private readonly waiters = new Map<number, Waiter>(); // By number.
  private readonly early = new Map<number, Outcome>(); // Came before anybody waited, oldest first.
  private answeredUpTo = 0; // Entries up to here have had their answers on this stream.
  private readonly abandoned = new Set<number>(); // Waited for in vain.
  private readonly pumping = new WakeLoop(() => this.send());
  private isClosed = false;
  /** How the ledger stood when this connection was enrolled last; undefined before. */
  enrolment: LedgerReading | undefined;
  private applied: number | undefined; // As the host said last.
  /** The newest waiver of which the host has said that it was told of its end. */
  waiverEnd = 0n;
  /** Monotonic ms of the newest lease request, or of `begin`; undefined before that. */
  heardAtMs: number | undefined;

  constructor(private readonly parts: HostConnectionParts) {
    this.questions = new OpenQuestions((value) =>
      parts.outbox.post({ response: { $case: 'question', value } }),
    );
  }

  get hostId(): HostId {
    return this.parts.hostId;
  }

  get host(): commonV2.Host {
    return this.parts.host;
  }

  get incarnation(): string {
    return this.parts.incarnation;
  }

  get lock(): string {
    return this.parts.lock;
  }

  get outlived(): readonly string[] {
    return this.parts.outlived;
  }

  get connection(): number {
    return this.parts.connection;
  }

  /** Whether it has ended; what still comes on it is of no account. */
  get hasEnded(): boolean {
    return this.isClosed;
  }

  /** How far the host says that it has come in the log it follows; undefined before it was told of one. */
  get progress(): { readonly epoch: string; readonly applied: number } | undefined {
    const { epoch, applied } = this;
    return epoch === '' || applied === undefined ? undefined : { epoch, applied };
  }

  /** Takes how far the host has come. */
  noteApplied(applied: number): void {
    this.applied = applied;
  }

  /** Answers a request for a lease. */
  sendGrant(value: pondhawkV1.SyncGrant): void {
    this.parts.outbox.post({ response: { $case: 'grant', value } });
  }

  /** Asks the host to tell what it stores. @param known what it need not tell again. */
  askInventory(known: pondhawkV1.SyncInventoryState): void {
    this.parts.outbox.post({ response: { $case: 'inventory', value: known } });
  }

  /** Sends the log's state and what the host lacks. @param position where the host says it stands. */
  begin(state: LogState, position: { readonly epoch: string; readonly applied: number }): void {
    const continues = position.epoch === state.epoch && position.applied + 1 >= state.first;
    this.epoch = state.epoch;
    this.sent = continues ? position.applied : state.head;
    this.lateUpTo = state.head;
    this.answeredUpTo = 0;
    this.early.clear();
    this.parts.outbox.post({ response: { $case: 'log', value: fromLogState(state) } });
    this.pump();
  }

  /** Sends what is new in the log; to be called after each change of it. */
  pump(): void {
    const { state } = this.parts.feed;
    if (this.isClosed || this.epoch === '' || state === undefined) return;
    if (state.epoch !== this.epoch || this.sent + 1 < state.first) {
      this.rejectWaiters('The purge log does not go on from where this host stands.');
      this.begin(state, { epoch: '', applied: 0 });
      return;
    }
    if (this.sent < state.head) this.pumping.wake();
  }

  /** Whether the outcome of an entry comes on this stream, or has just come and nobody took it. */
  tells(epoch: string, seq: number): boolean {
    if (this.isClosed || this.epoch !== epoch) return false;
    if (this.sent < seq) return true;
    return seq > this.lateUpTo && (seq > this.answeredUpTo || this.early.has(seq));
  }

  /**
   * The outcome of an entry that `tells` promised.
   *
   * @throws UnavailableError (`HOST_CONNECTION_LOST`) when the stream ends before; (`HOST_UNREACHABLE`) after `timeoutMs`.
   */
  waitFor(seq: number, timeoutMs: number): Promise<Outcome> {
    const early = this.early.get(seq);
    this.early.delete(seq);
    if (early !== undefined) return Promise.resolve(early);
    return new Promise<Outcome>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters.delete(seq);
        this.abandoned.add(seq);
        const text = `${this.hostId} has not answered within ${Math.ceil(timeoutMs)} ms.`;
        reject(new UnavailableError('HOST_UNREACHABLE', text));
      }, timeoutMs);
      this.waiters.set(seq, {
        resolve: (outcome) => {
          clearTimeout(timer);
          resolve(outcome);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
  }

  /** Takes what the host answers. */
  take({ logEpoch, outcomes }: pondhawkV1.SyncOutcomes): void {
    const epoch = Buffer.from(logEpoch).toString('hex');
    if (epoch !== this.epoch) return; // Of a log that was replaced meanwhile.
    for (const outcome of outcomes) {
      const seq = Number(outcome.seq);
      const waiter = this.waiters.get(seq);
      this.waiters.delete(seq);
      const isLate = this.abandoned.delete(seq) || seq <= this.lateUpTo;
      this.answeredUpTo = Math.max(this.answeredUpTo, seq);
      if (waiter !== undefined) waiter.resolve(outcome);
      else if (isLate) this.parts.onLater(outcome, epoch);
      else this.keepEarly(seq, outcome);
    }
  }

  private keepEarly(seq: number, outcome: Outcome): void {
    this.early.set(seq, outcome);
    if (this.early.size <= EARLY_OUTCOMES_MAX) return;
    const [oldest] = this.early.keys();
    if (oldest !== undefined) this.early.delete(oldest);
  }

  /** Ends the stream. */
  close(failure?: Error): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.parts.outbox.close(failure);
    const text = `The stream of ${this.hostId} ended.`;
    this.rejectWaiters(text);
    this.questions.end(text);
  }

  private async send(): Promise<void> {
    while (!this.isClosed) {
      const { epoch, sent } = this;
      let entries: Awaited<ReturnType<PurgeFeed['after']>>;
      try {
        entries = await this.parts.feed.after(sent, ENTRIES_PER_MESSAGE_MAX);
      } catch (error) {
        this.close(error as Error); // The host comes again, spread over some seconds.
        return;
      }
      if (entries.length === 0 || epoch !== this.epoch) return;
      this.parts.outbox.post({
        response: {
          $case: 'entries',
          value: { logEpoch: Buffer.from(epoch, 'hex'), entries: entries.map(fromPurgeEntry) },
        },
      });
      this.sent = entries.at(-1)?.seq ?? sent;
    }
  }

  private rejectWaiters(text: string): void {
    const error = new UnavailableError('HOST_CONNECTION_LOST', text);
    for (const { reject } of this.waiters.values()) reject(error);
    this.waiters.clear();
  }
}
