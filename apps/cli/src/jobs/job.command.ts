import { Argument, Option, type Command } from 'commander';
import { parseNumberOption, parseTaskName, parseTimeoutMs } from '../arguments/values.js';
import { say, sayJson, type CliContext } from '../context.js';
import { ExitCode, usageError } from '../exit-code.js';
import { acceptedLine, runJobs, showEnded, waitForAll, type RunOptions } from './clear.command.js';
import { exitCodeOf, readJob, type JobRecord } from './job-record.js';
import { jobBody, taskJobBody, type JobBody } from './job-request.js';
import { renderJob, renderJobs, summaryLine } from './job-table.js';
import { loadTargets, watchJob } from './job-watch.js';
import {
  managerOf,
  withJobOptions,
  withManagerOptions,
  type ManagerOptions,
} from './manager-options.js';

const CREATED_TYPES = ['delete_task', 'get_task', 'list_tasks', 'gc', 'sync_peers'] as const;
const JOB_TYPES = [...CREATED_TYPES, 'preheat'] as const;
const GC_KINDS = ['job', 'audit'] as const;
const JOB_STATES = ['PENDING', 'SUCCESS', 'FAILURE'] as const;

type CreateOptions = RunOptions & {
  readonly page?: number;
  readonly perPage?: number;
  readonly verify?: boolean;
  readonly kind?: (typeof GC_KINDS)[number];
};

interface ListOptions extends ManagerOptions {
  readonly type?: JobBody['type'];
  readonly state?: (typeof JOB_STATES)[number];
  readonly page?: number;
  readonly perPage?: number;
}

interface WatchCommandOptions extends ManagerOptions {
  readonly timeout?: number;
}

/** `pondhawk job`. `exit` is told how the program is to end. */
export function addJobCommand(
  program: Command,
  context: CliContext,
  exit: (code: ExitCode) => void,
): void {
  const job = program.command('job').description('orders to the fleet');
  withJobOptions(
    job
      .command('create')
      .description('order something of every host; preheats have a command of their own'),
  )
    .addArgument(new Argument('<type>').choices(CREATED_TYPES))
    .argument(
      '[task]',
      'id or URL of the task; not for list_tasks, gc and sync_peers',
      parseTaskName,
    )
    .option('--page <n>', 'list_tasks: page', parseNumberOption)
    .option('--per-page <n>', 'list_tasks: tasks a page', parseNumberOption)
    .option('--verify', 'delete_task: ask every host for the bytes afterwards, as a stranger would')
    .addOption(new Option('--kind <kind>', 'gc: what to remove of what is old').choices(GC_KINDS))
    .option('--wait', 'wait for the end and show what came of each host')
    .action(async (type: JobBody['type'], task: string | undefined, options: CreateOptions) => {
      exit(await runJobs(context, [createBody(type, task, options)], options));
    });
  withManagerOptions(job.command('ls').description('list jobs, the newest first'))
    .addOption(new Option('--type <type>', 'only this type').choices(JOB_TYPES))
    .addOption(new Option('--state <state>', 'only this state').choices(JOB_STATES))
    .option('--page <n>', 'page', parseNumberOption)
    .option('--per-page <n>', 'jobs a page', parseNumberOption)
    .action(async (options: ListOptions) => runList(context, options));
  withManagerOptions(job.command('get').description('show a job and what came of each host'))
    .argument('<id>', 'number of the job', parseNumberOption)
    .action(async (id: number, options: ManagerOptions) => runGet(context, id, options));
  withManagerOptions(job.command('watch').description('wait for the end of a job'))
    .argument('<id>', 'number of the job', parseNumberOption)
    .option('--timeout <duration>', 'stop waiting after so long, as 30s', parseTimeoutMs)
    .action(async (id: number, options: WatchCommandOptions) => {
      exit(await runWatch(context, id, options));
    });
  withManagerOptions(job.command('cancel').description('spare the hosts that were not asked yet'))
    .argument('<id>', 'number of the job', parseNumberOption)
    .option('--wait', 'wait for the end and show what came of each host')
    .action(async (id: number, options: RunOptions) => {
      await runCancel(context, id, options);
    });
  withManagerOptions(job.command('retry').description('try again what did not end well'))
    .argument('<id>', 'number of the job', parseNumberOption)
    .option('--wait', 'wait for the end and show what came of each host')
    .action(async (id: number, options: RunOptions) => {
      exit(await runRetry(context, id, options));
    });
}

function createBody(
  type: JobBody['type'],
  task: string | undefined,
  options: CreateOptions,
): JobBody {
  if (options.verify === true && type !== 'delete_task') {
    throw usageError('--verify is for delete_task.');
  }
  if (type === 'list_tasks') {
    if (task !== undefined) throw usageError('list_tasks lists all tasks: name none.');
    return jobBody(type, pageOf(options), options);
  }
  if (type === 'gc') {
    if (task !== undefined) throw usageError('gc removes records of the manager: name no task.');
    if (options.kind === undefined) throw usageError('gc needs --kind job or --kind audit.');
    return jobBody(type, { type: options.kind }, options);
  }
  if (type === 'sync_peers') {
    if (task !== undefined) throw usageError('sync_peers is about hosts: name no task.');
    return jobBody(type, {}, options);
  }
  if (task === undefined) throw usageError(`${type} needs the id or the URL of a task.`);
  const { args, ...body } = taskJobBody(type, task, options);
  return { ...body, args: { ...args, ...(options.verify === true ? { verify: true } : {}) } };
}

function pageOf(options: Pick<CreateOptions, 'page' | 'perPage'>): {
  readonly page?: number;
  readonly per_page?: number;
} {
  return {
    ...(options.page === undefined ? {} : { page: options.page }),
    ...(options.perPage === undefined ? {} : { per_page: options.perPage }),
  };
}

async function runList(context: CliContext, options: ListOptions): Promise<void> {
  const { type, state } = options;
  const query = {
    ...(type === undefined ? {} : { type }),
    ...(state === undefined ? {} : { state }),
    ...pageOf(options),
  };
  const answer = await managerOf(context, options).ask((api) =>
    api.GET('/api/v1/jobs', { params: { query } }),
  );
  const jobs: JobRecord[] = answer.map(readJob);
  if (options.json === true) sayJson(context, { jobs: jobs.map(({ raw }) => raw) });
  else say(context, jobs.length === 0 ? 'No jobs.' : renderJobs(jobs));
}

async function runGet(context: CliContext, jobId: number, options: ManagerOptions): Promise<void> {
  const manager = managerOf(context, options);
  const job = readJob(
    await manager.ask((api) =>
      api.GET('/api/v1/jobs/{id}', { params: { path: { id: jobId }, query: { wait: '0' } } }),
    ),
  );
  const targets = await loadTargets(manager, jobId);
  if (options.json === true) {
    sayJson(context, { ...job.raw, targets: targets.map(({ raw }) => raw) });
  } else say(context, renderJob(job, targets));
}

async function runWatch(
  context: CliContext,
  jobId: number,
  options: WatchCommandOptions,
): Promise<ExitCode> {
  const manager = managerOf(context, options);
  const job = await watchJob(context, manager, {
    jobId,
    isQuiet: options.json === true,
    timeoutMs: options.timeout,
  });
  showEnded(context, [{ job, targets: await loadTargets(manager, jobId) }], options);
  return exitCodeOf(job);
}

/** Complete once the job is cancelled, whatever came of its hosts. */
async function runCancel(context: CliContext, jobId: number, options: RunOptions): Promise<void> {
  const manager = managerOf(context, options);
  const job = readJob(
    await manager.ask((api) =>
      api.POST('/api/v1/jobs/{id}/cancel', { params: { path: { id: jobId } } }),
    ),
  );
  if (options.wait === true) await waitForAll(context, manager, { jobs: [job], options });
  else if (options.json === true) sayJson(context, job.raw);
  else say(context, summaryLine(job));
}

async function runRetry(
  context: CliContext,
  jobId: number,
  options: RunOptions,
): Promise<ExitCode> {
  const manager = managerOf(context, options);
  const job = readJob(
    await manager.order((api, header) =>
      api.POST('/api/v1/jobs/{id}/retry', { params: { path: { id: jobId }, header } }),
    ),
  );
  if (options.wait === true) {
    const [ended] = await waitForAll(context, manager, { jobs: [job], options });
    return ended === undefined ? ExitCode.Failed : exitCodeOf(ended.job);
  }
  if (options.json === true) sayJson(context, job.raw);
  else say(context, acceptedLine(job.id));
  return ExitCode.Complete;
}
