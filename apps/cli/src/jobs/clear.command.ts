import type { Command } from 'commander';
import { collectTaskName } from '../arguments/values.js';
import { say, sayJson, type CliContext } from '../context.js';
import { ExitCode, usageError } from '../exit-code.js';
import type { ManagerClient } from '../manager/manager-client.js';
import { printable } from '../output/printable.js';
import { exitCodeOf, worstExitCode, type JobRecord, type TargetRecord } from './job-record.js';
import { taskJobBody, type JobBody, type TaskNameOptions } from './job-request.js';
import { renderJob } from './job-table.js';
import { loadTargets, watchJob } from './job-watch.js';
import { createJobs } from './create-jobs.js';
import { readTaskList } from './task-list-file.js';
import { managerOf, withJobOptions, type ManagerOptions } from './manager-options.js';

/** The manager ends a job at its time limit; the answer may take a little longer. */
const WAIT_GRACE_MS = 15_000;
/** Jobs whose ends are waited for at once: each asks the manager a few times a second. */
const WATCHED_AT_ONCE = 16;

/** How a command that runs jobs was called. */
export type RunOptions = ManagerOptions & TaskNameOptions & { readonly wait?: boolean };

type ClearOptions = RunOptions & {
  readonly file?: string;
  readonly dryRun?: boolean;
  readonly verify?: boolean;
};

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
    .argument('[task...]', 'ids or URLs of tasks', collectTaskName)
    .option('--file <list>', 'more of them, one a line; - reads standard input')
    .option('--dry-run', 'show who holds how much and delete nothing; waits for the answers')
    .option('--verify', 'ask every host for the bytes afterwards, as a stranger would')
    .option('--wait', 'wait for the end and show what came of each host')
    .action(async (names: readonly string[] | undefined, options: ClearOptions) => {
      exit(await runClear(context, names ?? [], options));
    });
}

async function runClear(
  context: CliContext,
  names: readonly string[],
  options: ClearOptions,
): Promise<ExitCode> {
  if (options.verify === true && options.dryRun === true) {
    throw usageError('--verify and --dry-run do not go together: nothing is deleted.');
  }
  const listed = options.file === undefined ? [] : await readTaskList(options.file);
  const all = [...new Set([...names, ...listed])];
  if (all.length === 0) throw usageError('Name a task by id or URL, or a list with --file.');
  const isDryRun = options.dryRun === true;
  const bodies = all.map((name) => clearBody(name, options));
  return runJobs(context, bodies, isDryRun ? { ...options, wait: true } : options);
}

function clearBody(name: string, options: ClearOptions): JobBody {
  const { args, ...body } = taskJobBody('delete_task', name, options);
  const asked = {
    ...(options.dryRun === true ? { dry_run: true } : {}),
    ...(options.verify === true ? { verify: true } : {}),
  };
  return { ...body, args: { ...args, ...asked } };
}

/** Creates the jobs, waits for them if asked to, and shows them. */
export async function runJobs(
  context: CliContext,
  bodies: readonly JobBody[],
  options: RunOptions,
): Promise<ExitCode> {
  const manager = managerOf(context, options);
  const { jobs, refused } = await createJobs(manager, bodies);
  for (const { message, code } of refused) {
    context.stderr.write(`pondhawk: ${printable(message)} [${printable(code)}]\n`);
  }
  if (options.wait !== true) {
    if (options.json === true) {
      const errors = refused.length === 0 ? {} : { errors: refused };
      sayJson(context, { jobs: jobs.map(({ raw }) => raw), ...errors });
    } else for (const { id } of jobs) say(context, acceptedLine(id));
    return worstExitCode([
      ...jobs.map(() => ExitCode.Complete),
      ...refused.map(() => ExitCode.Failed),
    ]);
  }
  const ended = await waitForAll(context, manager, { jobs, options });
  return worstExitCode([
    ...ended.map(({ job }) => exitCodeOf(job)),
    ...refused.map(() => ExitCode.Failed),
  ]);
}

/** Waits for the ends of jobs, a few at a time, and shows them. */
export async function waitForAll(
  context: CliContext,
  manager: ManagerClient,
  { jobs, options }: { readonly jobs: readonly JobRecord[]; readonly options: RunOptions },
): Promise<readonly EndedJob[]> {
  const ended: EndedJob[] = [];
  for (let start = 0; start < jobs.length; start += WATCHED_AT_ONCE) {
    const part = jobs.slice(start, start + WATCHED_AT_ONCE);
    ended.push(
      ...(await Promise.all(
        part.map((job, index) =>
          endOf(context, manager, { job, options, isQuiet: start + index > 0 }),
        ),
      )),
    );
  }
  showEnded(context, ended, options);
  return ended;
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

/** What is said of a job that is not waited for. */
export function acceptedLine(id: number): string {
  return `job ${id} accepted; see it with: pondhawk job watch ${id}`;
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
