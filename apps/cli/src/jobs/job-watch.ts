/** Waits for a job's end and tells its course. */

import type { CliContext } from '../context.js';
import { CliError, ExitCode } from '../exit-code.js';
import { interrupted, type ManagerClient } from '../manager/manager-client.js';
import { readJob, readTarget, type JobRecord, type TargetRecord } from './job-record.js';

/** How long the manager may hold an answer back; between answers progress is shown. */
const POLL_WAIT = '1s';
/** Pause after each answer, should the manager not hold it back: jobs older than 2 s may be answered at once. */
const POLL_PAUSE_MS = 200;
/** A manager that restarts is waited for this long. */
const UNREACHABLE_MS_MAX = 15_000;
/** Targets asked for at once. */
const TARGETS_PER_PAGE = 1000;
/** Pages asked for at most: far more hosts than a fleet has. */
const TARGET_PAGES_MAX = 1000;

/** How long and how loudly is waited. */
export interface WatchOptions {
  /** Given up after this; the job goes on. Absent: never. */
  readonly timeoutMs?: number | undefined;
  readonly isQuiet: boolean;
}

/**
 * The job once it has ended.
 *
 * @throws CliError: `WAIT_TIMED_OUT`, or what the manager says.
 */
export async function watchJob(
  context: CliContext,
  manager: ManagerClient,
  { jobId, timeoutMs, isQuiet }: WatchOptions & { readonly jobId: number },
): Promise<JobRecord> {
  const startedAtMs = context.nowMs();
  const line = new StatusLine(context, isQuiet);
  try {
    for (;;) {
      const job = await pollPatiently(context, manager, jobId);
      if (job.phase === 'ended') return job;
      line.show(`job ${job.id}: ${countsLine(job)}`);
      if (timeoutMs !== undefined && context.nowMs() - startedAtMs > timeoutMs) {
        throw timedOut(jobId);
      }
      await pause(context, POLL_PAUSE_MS);
    }
  } finally {
    line.end();
  }
}

/** All targets of a job, page by page. */
export async function loadTargets(manager: ManagerClient, jobId: number): Promise<TargetRecord[]> {
  const targets: TargetRecord[] = [];
  for (let page = 1; page <= TARGET_PAGES_MAX; page += 1) {
    const query = { page, per_page: TARGETS_PER_PAGE };
    const params = { path: { id: jobId }, query };
    const rows = await manager.ask((api) => api.GET('/api/v1/jobs/{id}/targets', { params }));
    targets.push(...rows.map(readTarget));
    if (rows.length < TARGETS_PER_PAGE) break;
  }
  return targets;
}

/** `3 of 5 hosts done, 2 deleted, 1 absent`; schedulers where it is they who were asked. */
export function countsLine({ type, counts }: Pick<JobRecord, 'type' | 'counts'>): string {
  const { targets = 0, pending = 0, ...outcomes } = counts;
  const shown = Object.entries(outcomes)
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${count} ${outcome}`);
  const node = type === 'sync_peers' ? 'scheduler' : 'host';
  const nodes = targets === 1 ? node : `${node}s`;
  return [`${targets - pending} of ${targets} ${nodes} done`, ...shown].join(', ');
}

async function pollPatiently(
  context: CliContext,
  manager: ManagerClient,
  jobId: number,
): Promise<JobRecord> {
  const startedAtMs = context.nowMs();
  for (;;) {
    try {
      const params = { path: { id: jobId }, query: { wait: POLL_WAIT } };
      return readJob(await manager.ask((api) => api.GET('/api/v1/jobs/{id}', { params })));
    } catch (error) {
      const isGone = error instanceof CliError && error.ending.exitCode === ExitCode.Unreachable;
      if (!isGone || context.nowMs() - startedAtMs > UNREACHABLE_MS_MAX) throw error;
      await pause(context, POLL_PAUSE_MS);
    }
  }
}

async function pause(context: CliContext, delayMs: number): Promise<void> {
  await context.sleep(delayMs, context.signal).catch(() => undefined);
  if (context.signal.aborted) throw interrupted();
}

function timedOut(jobId: number): CliError {
  return new CliError('WAIT_TIMED_OUT', `Job ${jobId} has not ended in time; it goes on.`, {
    exitCode: ExitCode.Failed,
    hint: `See it with: pondhawk job watch ${jobId}`,
  });
}

/** One line on a terminal that is written over, elsewhere a line each time that it changes. */
class StatusLine {
  private shown = '';

  constructor(
    private readonly context: CliContext,
    private readonly isQuiet: boolean,
  ) {}

  show(line: string): void {
    if (this.isQuiet || line === this.shown) return;
    const { stderr } = this.context;
    stderr.write(stderr.isTTY === true ? `\r${line.padEnd(this.shown.length)}` : `${line}\n`);
    this.shown = line;
  }

  end(): void {
    if (this.shown !== '' && this.context.stderr.isTTY === true) this.context.stderr.write('\n');
  }
}
