import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { WakeLoop, runAtHalfTime, toError, type Clock } from '@pondhawk/core';
import { JobState, JobType } from '@pondhawk/jobs';
import type { Log } from '@pondhawk/observability';
import type { LedgerReader, LedgerWriter } from '../ledger/index.js';
import type { ManagerMetrics } from '../process-wide/manager-metrics.js';

/** How often it is looked for jobs that another manager, or a former start of this one, has left. */
export const GC_LOOK_INTERVAL_MS = 10_000;
/** Jobs read at once; the rest is found when these have ended. */
const JOBS_PER_LOOK_MAX = 100;

/** What the runner works with. */
export interface GcRunnerOptions {
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: ManagerMetrics;
}

/**
 * Carries out jobs `gc`, one after another, in bounded commands between which others get their turn.
 * Each command counts at the job what it removed, in the same commit, so that a manager which dies, or
 * two that work on one job, lose and double nothing. Begins at once with a job that this manager
 * accepts, within `GC_LOOK_INTERVAL_MS` with others; from bootstrap to shutdown.
 */
export class GcRunner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined; // Set between bootstrap and shutdown.
  private unsubscribe: (() => void) | undefined; // As long.
  private isStopping = false;
  private isFailing = false; // The last look failed; only the first of a row is logged.
  private readonly running = new WakeLoop(() => this.runAll());

  constructor(private readonly options: GcRunnerOptions) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.running.wake(), GC_LOOK_INTERVAL_MS);
    this.unsubscribe = this.options.writer.onCommitted((changes) => {
      if (changes.some(({ type }) => type === JobType.Gc)) this.running.wake();
    });
    this.running.wake();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    clearInterval(this.timer);
    this.unsubscribe?.();
    await this.running.idle();
  }

  private async runAll(): Promise<void> {
    const { reader, log } = this.options;
    const filter = { type: JobType.Gc, state: JobState.Pending };
    try {
      const { items } = await reader.listJobs(filter, { page: 1, perPage: JOBS_PER_LOOK_MAX });
      for (const { job } of [...items].reverse()) await this.run(job.id);
      this.isFailing = false;
    } catch (thrown) {
      if (!this.isFailing) log.error('a gc cannot be carried out', { err: toError(thrown) });
      this.isFailing = true; // The next look goes on with it.
    }
  }

  private async run(jobId: number): Promise<void> {
    const { writer, clock, metrics } = this.options;
    while (!this.isStopping) {
      const input = { atMs: clock.nowMs(), jobId };
      const ran = await runAtHalfTime(() => writer.execute('run-gc', input));
      if (ran === undefined) return;
      metrics.agedRows.add(ran.removedCount, { kind: ran.kind === 'job' ? 'jobs' : 'audits' });
      if (ran.ended !== undefined) return;
    }
  }
}
