import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { ResourceExhaustedError, UnavailableError, toError } from '@pondhawk/core';
import { isJobEnded } from '@pondhawk/jobs';
import type { Log } from '@pondhawk/observability';
import type { Response } from 'express';
import { requireJob } from '../jobs/job-acceptance.js';
import type {
  EventPosition,
  JobAtEvent,
  LedgerChange,
  LedgerReader,
  LedgerWriter,
} from '../ledger/index.js';
import type { ManagerMetrics } from '../process-wide/manager-metrics.js';
import { EventListener, type SendableEvent } from './event-listener.js';
import { EventSink, SLOW_CLIENT_TIMEOUT_MS } from './event-sink.js';
import { DELETED_EVENT, eventText, isAfter, snapshotText } from './event-text.js';

/** Clients that may follow events at once; half of all connections, so that others can still ask. */
export const LISTENERS_MAX = 2_048;
/** Events read at a time for one client. */
export const EVENTS_PER_READ_MAX = 100;
const RETRY_AFTER_MS = 5_000;

/** What the streams work with. */
export interface JobEventsOptions {
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter;
  readonly metrics: ManagerMetrics;
  readonly log: Log;
  /** Default `SLOW_CLIENT_TIMEOUT_MS`. */
  readonly slowTimeoutMs?: number;
}

interface Following {
  readonly listener: EventListener;
  readonly sink: EventSink;
}

/**
 * Who follows which job. The ledger tells each commit, and whoever follows a job it concerns is woken
 * in the same turn; no timer lies between. From `onModuleInit` to `beforeApplicationShutdown`, which
 * ends all streams: clients go on at the next start, or another manager, where they were.
 */
export class JobEvents implements OnModuleInit, BeforeApplicationShutdown {
  private readonly byJob = new Map<number, Set<Following>>(); // No empty sets.
  private readonly reads = new Map<string, Promise<readonly SendableEvent[]>>(); // Under way.
  private opening = 0; // Requests whose job is being read.
  private listening = 0;
  private unsubscribe: (() => void) | undefined; // Set between start and stop.

  constructor(private readonly options: JobEventsOptions) {}

  onModuleInit(): void {
    this.unsubscribe = this.options.writer.onCommitted((changes) => this.wake(changes));
  }

  beforeApplicationShutdown(): void {
    this.unsubscribe?.();
    this.unsubscribe = undefined;
    for (const following of [...this.byJob.values()]) {
      for (const { sink } of [...following]) sink.end();
    }
  }

  /**
   * Answers one request with a job's events: all that come after `position`, or the job as it stands
   * and all that come from now on. Ends the answer after the job's end, and answers 204, which has
   * clients stay away, when they know the end already.
   *
   * @throws NotFoundError (`JOB_NOT_FOUND`).
   * @throws ResourceExhaustedError (`TOO_MANY_LISTENERS`) above `LISTENERS_MAX`.
   * @throws UnavailableError (`MANAGER_STOPPING`).
   */
  async follow(
    jobId: number,
    position: EventPosition | undefined,
    response: Response,
  ): Promise<void> {
    const { reader } = this.options;
    if (this.unsubscribe === undefined) {
      throw new UnavailableError('MANAGER_STOPPING', 'The manager is stopping.');
    }
    if (this.opening + this.listening >= LISTENERS_MAX) {
      throw new ResourceExhaustedError(
        'TOO_MANY_LISTENERS',
        `${LISTENERS_MAX} clients follow jobs already.`,
        { retryAfterMs: RETRY_AFTER_MS },
      );
    }
    this.opening += 1;
    try {
      const job = requireJob(await reader.findJobAtEvent(jobId, position), jobId);
      this.answer(job, position, response);
    } finally {
      this.opening -= 1;
    }
  }

  private answer(job: JobAtEvent, position: EventPosition | undefined, response: Response): void {
    const hasEnded = isJobEnded(job.detail.job.phase);
    // One who names no event of this job knows nothing of it, whatever its number.
    const known = job.isKnown ? position : undefined;
    if (known !== undefined && hasEnded && !isAfter(job.newest, known)) {
      response.status(204).end();
      return;
    }
    const following = this.add(job, known ?? job.newest, response);
    if (known === undefined) void following.sink.write(snapshotText(job));
    // What was committed since the job was read is found by this look.
    following.listener.wake();
  }

  private add({ detail }: JobAtEvent, from: EventPosition, response: Response): Following {
    const jobId = detail.job.id;
    const { metrics, log, slowTimeoutMs = SLOW_CLIENT_TIMEOUT_MS } = this.options;
    const sink = new EventSink(
      response,
      (end) => {
        if (end === 'slow') metrics.slowListeners.increment();
        this.remove(jobId, following);
      },
      slowTimeoutMs,
    );
    const listener = new EventListener({
      sink,
      from,
      hasEnded: isJobEnded(detail.job.phase),
      readAfter: (position) => this.readAfter(jobId, position),
      onFailure: (thrown) => log.error('events cannot be read', { jobId, err: toError(thrown) }),
    });
    const following: Following = { listener, sink };
    const ofJob = this.byJob.get(jobId) ?? new Set();
    this.byJob.set(jobId, ofJob.add(following));
    this.listening += 1;
    metrics.eventListeners.set(this.listening);
    return following;
  }

  private remove(jobId: number, following: Following): void {
    const ofJob = this.byJob.get(jobId);
    if (ofJob?.delete(following) !== true) return;
    if (ofJob.size === 0) this.byJob.delete(jobId);
    this.listening -= 1;
    this.options.metrics.eventListeners.set(this.listening);
  }

  /** Clients that are equally far share a read: a thousand of them are woken in one turn. */
  private readAfter(jobId: number, after: EventPosition): Promise<readonly SendableEvent[]> {
    const key = `${jobId}/${after.number}.${after.ordinal}`;
    const underWay = this.reads.get(key);
    if (underWay !== undefined) return underWay;
    const reading = this.read(jobId, after).finally(() => this.reads.delete(key));
    this.reads.set(key, reading);
    return reading;
  }

  private async read(jobId: number, after: EventPosition): Promise<readonly SendableEvent[]> {
    const range = { after, limit: EVENTS_PER_READ_MAX };
    const events = await this.options.reader.listEvents(jobId, range);
    return events.map((event) => ({
      position: { number: event.number, ordinal: event.ordinal },
      text: eventText(jobId, event),
      isEnd: event.kind === 'job-ended',
    }));
  }

  private wake(changes: readonly LedgerChange[]): void {
    this.reads.clear(); // Those under way may have looked before this commit.
    for (const { jobId, kind } of changes) {
      for (const { listener, sink } of [...(this.byJob.get(jobId) ?? [])]) {
        if (kind === 'job-deleted') sink.end(DELETED_EVENT);
        else listener.wake();
      }
    }
  }
}
