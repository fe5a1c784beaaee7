import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { type Clock, parseDurationMs } from '@pondhawk/core';
import type { JobRecord, LedgerChange, LedgerReader, LedgerWriter } from '../ledger/index.js';

/** A job younger than this is likely to end while its reader waits. */
export const YOUNG_JOB_AGE_MS = 2_000;
/** How long a reader of a young job is kept waiting without having asked for it. */
export const SHORT_WAIT_MS = 1_000;
/** The longest wait that may be asked for. */
export const WAIT_MS_MAX = 30_000;
/** Requests that may wait at once; more are answered at once with the job as it stands. */
export const WAITERS_MAX = 4_096;

/** The `wait` parameter in ms; undefined if not given. @throws InvalidArgumentError (`INVALID_DURATION`). */
export function parseWaitMs(raw: unknown): number | undefined {
  if (raw === undefined || raw === '') return undefined;
  if (raw === '0') return 0;
  return parseDurationMs(raw, 'wait', { minMs: 0, maxMs: WAIT_MS_MAX });
}

/** What a waiter needs. */
export interface JobEndWaiterOptions {
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter;
  readonly clock: Clock;
}

/** Whose end to wait for, and how long. */
export interface WaitOptions {
  readonly jobId: number;
  /** Absent: the short wait of a young job. */
  readonly waitMs?: number | undefined;
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal;
}

/**
 * Lets requests wait for the end of a job. The ledger tells each end right after its commit; no timer
 * lies between, those here only bound the wait.
 *
 * Listens to the ledger from `onModuleInit` to `beforeApplicationShutdown`, which lets everybody who waits go.
 */
export class JobEndWaiter implements OnModuleInit, BeforeApplicationShutdown {
  private readonly waiting = new Map<number, Set<() => void>>(); // By job; no empty sets.
  private waitingCount = 0;
  private unsubscribe: (() => void) | undefined; // Set between start and stop.

  constructor(private readonly options: JobEndWaiterOptions) {}

  /** Begins to listen to the ledger. */
  onModuleInit(): void {
    this.unsubscribe = this.options.writer.onCommitted((changes) => this.wakeAll(changes));
  }

  /** Lets everybody go; later waits return at once. */
  beforeApplicationShutdown(): void {
    this.unsubscribe?.();
    this.unsubscribe = undefined;
    for (const wakers of [...this.waiting.values()]) for (const wake of [...wakers]) wake();
  }

  /** Requests that wait now. */
  get size(): number {
    return this.waitingCount;
  }

  /** Returns when the job has ended (or is gone), the time is up, or nobody waits any more. */
  async waitForEnd({ jobId, waitMs, signal }: WaitOptions): Promise<void> {
    if (this.unsubscribe === undefined || this.waitingCount >= WAITERS_MAX || waitMs === 0) return;
    const ended = this.subscribe(jobId, signal);
    try {
      // Read only after subscribing: an end between the two is then heard.
      const job = await this.options.reader.findJobRecord(jobId);
      const timeoutMs = job === undefined ? 0 : this.timeoutFor(job, waitMs);
      if (timeoutMs > 0) await ended.within(timeoutMs);
    } finally {
      ended.cancel();
    }
  }

  private timeoutFor(job: JobRecord, waitMs: number | undefined): number {
    if (job.phase === 'ended') return 0;
    if (waitMs !== undefined) return waitMs;
    return this.options.clock.nowMs() - job.createdAtMs < YOUNG_JOB_AGE_MS ? SHORT_WAIT_MS : 0;
  }

  private subscribe(
    jobId: number,
    signal: AbortSignal,
  ): { within: (timeoutMs: number) => Promise<void>; cancel: () => void } {
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const wakers = this.waiting.get(jobId) ?? new Set();
    this.waiting.set(jobId, wakers.add(wake));
    this.waitingCount++;
    signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted) wake();
    let timer: NodeJS.Timeout | undefined;
    return {
      within: (timeoutMs) => {
        timer = setTimeout(wake, timeoutMs);
        return woken;
      },
      cancel: () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        wakers.delete(wake);
        if (wakers.size === 0 && this.waiting.get(jobId) === wakers) this.waiting.delete(jobId);
        this.waitingCount--;
      },
    };
  }

  private wakeAll(changes: readonly LedgerChange[]): void {
    for (const { jobId, kind } of changes) {
      if (kind !== 'job-ended' && kind !== 'job-deleted') continue;
      for (const wake of this.waiting.get(jobId) ?? []) wake();
    }
  }
}
