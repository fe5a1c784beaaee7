import { setTimeout as sleep } from 'node:timers/promises';
import { toLogState, toWaiver, type pondhawkV1 } from '@pondhawk/contracts';
import { toError, type LeaseClocks } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import {
  DEFAULT_TIMING,
  ViewKeeper,
  type Grant,
  type GrantRefusal,
  type LeaseLengths,
  type LeaseRequest,
  type LedgerReading,
  type LogState,
} from '@pondhawk/purge';
import type { ManagerCalls } from './manager-calls.js';

/** A view is asked for at least this often, and four times in the time it is good for. */
export const VIEW_INTERVAL_MS_MAX = 1_000;
const VIEWS_PER_LEASE = 4;
/** Questions under way at once; a manager that is slow is not asked more. */
export const VIEWS_OPEN_MAX = 4;

/** What the loop works with. */
export interface ViewLoopParts {
  readonly manager: ManagerCalls;
  /** This start of the scheduler. */
  readonly incarnation: Buffer;
  readonly clocks: LeaseClocks;
  readonly log: Log;
  /** Told of each view that is taken, and which start of the manager says so. */
  readonly onView: (view: pondhawkV1.GetViewResponse, run: string) => void;
}

/**
 * This scheduler's view of the ledger, asked for again and again from `begin` to `stop`, and the leases
 * that are granted on it (R4, R5). A scheduler that has just started has none (R6).
 */
export class ViewLoop {
  /** How long leases run, as the manager said last. */
  lengths: LeaseLengths = DEFAULT_TIMING;
  /** Views taken, and questions that were not answered. */
  readonly counts = { taken: 0, failed: 0 };
  private readonly keeper: ViewKeeper;
  private openCount = 0;
  private isFailing = false; // Told once in a row.
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(private readonly parts: ViewLoopParts) {
    this.keeper = new ViewKeeper(() => parts.clocks.read());
  }

  /** How long a host may be silent before its connection is closed; undefined before the first view. */
  get hostLeaseMs(): number | undefined {
    return this.keeper.view?.hostLeaseMs;
  }

  /** Milliseconds since the present view was asked for; undefined while there is none. */
  get ageMs(): number | undefined {
    const { view } = this.keeper;
    return view && this.parts.clocks.read().monotonicMs - view.requestedAt.monotonicMs;
  }

  /** The manager can be asked. */
  begin(): void {
    this.running ??= this.run();
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Answers a host's request on a connection that was enrolled with `enrolment`. */
  grant(
    request: LeaseRequest,
    enrolment: LedgerReading | undefined,
    log: Pick<LogState, 'epoch' | 'head'> | undefined,
  ): Grant | GrantRefusal {
    return log === undefined ? 'LOG_BEHIND' : this.keeper.grant(request, enrolment, log);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      if (this.openCount < VIEWS_OPEN_MAX) void this.ask();
      const intervalMs = Math.min(
        VIEW_INTERVAL_MS_MAX,
        this.lengths.schedulerLeaseMs / VIEWS_PER_LEASE,
      );
      await sleep(intervalMs, undefined, { signal }).catch(() => undefined); // Stopping.
    }
  }

  /** One question. Never rejects. */
  private async ask(): Promise<void> {
    const { manager, incarnation, log } = this.parts;
    this.openCount += 1;
    try {
      const number = this.keeper.request();
      const answer = await manager.getView(incarnation);
      this.lengths = {
        schedulerLeaseMs: answer.schedulerLeaseMs,
        hostLeaseMs: answer.hostLeaseMs,
      };
      this.take(number, answer);
      this.isFailing = false;
    } catch (thrown) {
      this.counts.failed += 1;
      if (!this.isFailing && !this.stopping.signal.aborted) {
        log.warn('no view of the ledger: no leases are granted for now', { err: toError(thrown) });
      }
      this.isFailing = true;
    } finally {
      this.openCount -= 1;
    }
  }

  private take(number: number, answer: pondhawkV1.GetViewResponse): void {
    const { epoch, head } = toLogState(answer.log);
    const run = Buffer.from(answer.run).toString('hex');
    const reading = { epoch, head, run, waiver: toWaiver(answer.waiver) };
    if (!this.keeper.take(number, reading, this.lengths)) return;
    this.counts.taken += 1;
    this.parts.onView(answer, run);
  }
}
