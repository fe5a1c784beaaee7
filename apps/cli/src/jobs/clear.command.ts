import type { Command } from 'commander';
import { collectTaskName } from '../arguments/values.js';
import { say, sayJson, type CliContext } from '../context.js';
import { ExitCode } from '../exit-code.js';
import type { ManagerClient } from '../manager/manager-client.js';
import {
  exitCodeOf,
  readJob,
  worstExitCode,
  type JobRecord,
  type TargetRecord,
} from './job-record.js';
import { taskJobBody, type TaskNameOptions } from './job-request.js';
import { renderJob } from './job-table.js';
import { loadTargets, watchJob } from './job-watch.js';
import { managerOf, withJobOptions, type ManagerOptions } from './manager-options.js';

/** The manager ends a job at its time limit; the answer may take a little longer. */
const WAIT_GRACE_MS = 15_000;

/** How a command that runs jobs was called. */
export type RunOptions = ManagerOptions & TaskNameOptions & { readonly wait?: boolean };

/** A job that has ended, with its hosts. */
interface EndedJob {
  readonly job: JobRecord;
  readonly targets: readonly TargetRecord[];
}

/** `pondhawk task clear`. */
export function addClearCommand(
  task: Command,
  context: CliContext,
  exit: (code: ExitCode) => void,
): void {
  withJobOptions(task.command('clear').description('delete tasks on every host of the fleet'))
    .argument('<task...>', 'ids or URLs of tasks', collectTaskName)
    .option('--wait', 'wait for the end and show what came of each host')
    .action(async (names: readonly string[], options: RunOptions) => {
      const bodies = names.map((name) => taskJobBody('delete_task', name, options));
      exit(await runJobs(context, bodies, options));
    });
}

/** Creates the jobs, waits for them if asked to, and shows them. */
export async function runJobs(
  context: CliContext,
  bodies: readonly object[],
  options: RunOptions,
): Promise<ExitCode> {
  const manager = managerOf(context, options);
  const jobs: JobRecord[] = [];
  // One after the other: if the manager refuses one, it is clear which of them it has taken.
  for (const body of bodies) jobs.push(await createJob(context, manager, { body, options }));
  if (options.wait !== true) {
    if (options.json === true) sayJson(context, { jobs: jobs.map(({ raw }) => raw) });
    return ExitCode.Complete;
  }
  const ended = await Promise.all(
    jobs.map((job, index) => endOf(context, manager, { job, options, isQuiet: index > 0 })),
  );
  showEnded(context, ended, options);
  return worstExitCode(ended.map(({ job }) => exitCodeOf(job)));
}

/** Shows ended jobs with their hosts. */
export function showEnded(
  context: CliContext,
  ended: readonly EndedJob[],
  options: ManagerOptions,
): void {
  if (options.json === true) {
    sayJson(context, {
      jobs: ended.map(({ job, targets }) => ({
        ...job.raw,
        targets: targets.map(({ raw }) => raw),
      })),
    });
    return;
  }
  for (const { job, targets } of ended) say(context, renderJob(job, targets));
}

async function createJob(
  context: CliContext,
  manager: ManagerClient,
  { body, options }: { body: object; options: RunOptions },
): Promise<JobRecord> {
  const job = readJob(await manager.post('/jobs', body));
  if (options.json !== true && options.wait !== true) {
    say(context, `job ${job.id} accepted; see it with: pondhawk job watch ${job.id}`);
  }
  return job;
}

async function endOf(
  context: CliContext,
  manager: ManagerClient,
  { job, options, isQuiet }: { job: JobRecord; options: RunOptions; isQuiet: boolean },
): Promise<EndedJob> {
  const ended = await watchJob(context, manager, {
    jobId: job.id,
    // Several lines at once could not be read: the first one's course stands for all.
    isQuiet: isQuiet || options.json === true,
    timeoutMs: options.timeout === undefined ? undefined : options.timeout + WAIT_GRACE_MS,
  });
  return { job: ended, targets: await loadTargets(manager, job.id) };
}
