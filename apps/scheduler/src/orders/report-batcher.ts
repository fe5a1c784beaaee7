import {
  TARGETS_PER_REPORT_MAX,
  type ReportVerification,
  type TargetReport,
} from '@pondhawk/contracts';
import type { SendReport } from './report-senders.js';

/**
 * How long an outcome may wait for others to travel with: twice as long after each report, because
 * each costs the manager a commit, and who watches wants the first ones soon.
 */
const BATCH_DELAY_MS_MIN = 50;
const BATCH_DELAY_MS_MAX = 250;
/**
 * A host is reported as pending when no host has answered for this: while answers come, those of most
 * others are under way, and each of them would be reported twice.
 */
export const PENDING_DELAY_MS = 500;
/** But not later than this after it was called, whoever answers meanwhile. */
export const PENDING_DELAY_MS_MAX = 2_000;

/** Most bytes of one report: the broker takes 1 MiB, and the report has more than its targets. */
export const REPORT_BYTES_MAX = 900 * 1024;
/** Reports that wait for the broker; `whenRoom` waits beyond. */
export const REPORTS_WAITING_MAX = 4;
/** A report is sent at least this often, empty if need be; the manager gives the order to another scheduler after three such times of silence. */
export const RENEWAL_INTERVAL_MS = 5_000;

/**
 * Gathers the targets of one attempt into reports of at most 500 and 900 KiB: outcomes no later than
 * 250 ms after they came, pending targets once no outcome has come for `PENDING_DELAY_MS`, or at the
 * latest `PENDING_DELAY_MS_MAX` after the first of them was added. What is said later of a target that
 * still waits takes its place. Reports leave one after another; `finish` sends the last one and throws
 * the first failure. From the start to `stop` no longer than `RENEWAL_INTERVAL_MS` passes without a report.
 */
export class ReportBatcher {
  private readonly waiting = new Map<string, TargetReport>(); // Of the next report, by node.
  private readonly pending = new Map<string, TargetReport>(); // Targets that have no outcome yet, by node.
  private readonly sizes = new Map<string, number>(); // Bytes of those that wait, by node.
  private waitingBytes = 0;
  private namesLeft = 0; // Those that `name` has not taken yet.
  private enqueued = 0; // Reports that are not sent yet.
  private timer: NodeJS.Timeout | undefined; // Set while targets wait.
  private pendingTimer: NodeJS.Timeout | undefined; // Set while pending targets wait.
  private pendingTimerMax: NodeJS.Timeout | undefined; // As long.
  private delayMs = BATCH_DELAY_MS_MIN;
  private sending: Promise<void> = Promise.resolve();
  private failure: unknown;
  private renewal: NodeJS.Timeout | undefined; // Set until `stop`.
  private verification: ReportVerification | undefined; // Of the last report, from `finish` on.

  constructor(private readonly send: SendReport) {
    this.renewLater();
  }

  /** Ends the renewals; what waits is not sent. */
  stop(): void {
    clearTimeout(this.renewal);
    clearTimeout(this.timer);
    this.forgetPendingTimers();
  }

  /** Takes one target along. */
  add(target: TargetReport): void {
    if (target.outcome === 'pending') {
      this.pending.set(target.node, target);
      this.pendingTimer ??= setTimeout(() => this.flushPending(), PENDING_DELAY_MS);
      this.pendingTimerMax ??= setTimeout(() => this.flushPending(), PENDING_DELAY_MS_MAX);
      return;
    }
    this.pending.delete(target.node);
    this.pendingTimer?.refresh();
    this.take(target);
  }

  /**
   * Names, before anything else, pending targets that the manager does not know of. Once it has these reports it takes for
   * all that there are those that it knows, so each says whether more names follow.
   */
  name(targets: readonly TargetReport[]): void {
    this.namesLeft = targets.length;
    for (const target of targets) this.take(target);
  }

  /** Resolves when few reports wait for the broker. */
  async whenRoom(): Promise<void> {
    while (this.enqueued > REPORTS_WAITING_MAX) await this.sending;
  }

  /**
   * Sends the last report.
   *
   * @param verification what was seen from outside, if hosts were asked.
   * @throws what the first failed sending threw: the order must come again.
   */
  async finish(verification?: ReportVerification): Promise<void> {
    this.verification = verification;
    if (this.pending.size > 0) this.flushPending();
    this.flush(true);
    await this.sending;
    if (this.failure !== undefined) throw this.failure as Error;
  }

  private take(target: TargetReport): void {
    const bytes = Buffer.byteLength(JSON.stringify(target)) + 1;
    const formerBytes = this.sizes.get(target.node) ?? 0;
    if (this.waitingBytes - formerBytes + bytes > REPORT_BYTES_MAX) this.flush(false);
    this.waitingBytes += bytes - (this.sizes.get(target.node) ?? 0);
    this.sizes.set(target.node, bytes);
    this.waiting.set(target.node, target);
    this.namesLeft = Math.max(0, this.namesLeft - 1);
    if (this.waiting.size >= TARGETS_PER_REPORT_MAX) this.flush(false);
    else this.timer ??= setTimeout(() => this.flush(false), this.delayMs);
  }

  /** Sends the outcomes that wait; at the end also an empty report, that says it is the last. */
  private flush(isLast: boolean): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.delayMs = Math.min(this.delayMs * 2, BATCH_DELAY_MS_MAX);
    const targets = [...this.waiting.values()];
    this.waiting.clear();
    this.sizes.clear();
    this.waitingBytes = 0;
    if (targets.length > 0 || isLast) this.enqueue(targets, isLast);
  }

  private flushPending(): void {
    this.forgetPendingTimers();
    for (const target of this.pending.values()) this.take(target);
    this.pending.clear();
    this.flush(false);
  }

  private forgetPendingTimers(): void {
    clearTimeout(this.pendingTimer);
    clearTimeout(this.pendingTimerMax);
    this.pendingTimer = undefined;
    this.pendingTimerMax = undefined;
  }

  private renewLater(): void {
    clearTimeout(this.renewal);
    this.renewal = setTimeout(() => this.enqueue([], false), RENEWAL_INTERVAL_MS);
  }

  private enqueue(targets: TargetReport[], isLast: boolean): void {
    this.renewLater();
    const report = {
      targets,
      is_last: isLast,
      ...(this.namesLeft > 0 ? { names_follow: true } : {}),
      ...(isLast && this.verification !== undefined ? { verification: this.verification } : {}),
    };
    this.enqueued += 1;
    this.sending = this.sending
      .then(async () => {
        // After a failure the order is carried out again: a later report would hide the gap.
        if (this.failure === undefined) await this.send(report);
      })
      .catch((error: unknown) => {
        this.failure ??= error;
      })
      .finally(() => (this.enqueued -= 1));
  }
}
