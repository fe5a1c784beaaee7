import { Option, type Command } from 'commander';
import { collectHeader, collectText, collectUrl, parseNumberOption } from '../arguments/values.js';
import type { CliContext } from '../context.js';
import { usageError, type ExitCode } from '../exit-code.js';
import { imageArgs, withImageOptions, type ImageOptions } from '../images/registry-access.js';
import { runJobs, type RunOptions } from './clear.command.js';
import { jobBody, taskNameArgs, type JobBody } from './job-request.js';
import { withJobOptions } from './manager-options.js';

const SCOPES = ['single_seed_peer', 'all_seed_peers', 'all_peers'] as const;

type PreheatOptions = RunOptions &
  ImageOptions & {
    readonly image?: boolean;
    readonly header?: Readonly<Record<string, string>>;
    readonly scope: (typeof SCOPES)[number];
    readonly ip?: readonly string[];
    readonly count?: number;
    readonly percentage?: number;
    readonly concurrentTaskCount?: number;
    readonly concurrentPeerCount?: number;
  };

/** `pondhawk preheat`. */
export function addPreheatCommand(
  program: Command,
  context: CliContext,
  exit: (code: ExitCode) => void,
): void {
  const preheat = program
    .command('preheat')
    .description('have hosts fetch files or an image before they are asked for');
  withImageOptions(withJobOptions(preheat))
    .argument('<url...>', 'URLs of files, or of one manifest with --image', collectUrl)
    .option('--image', 'the URL is that of an image: https://<registry>/v2/<name>/manifests/<tag>')
    .option('--header <header>', "for the origin, as 'Name: value' (repeatable)", collectHeader)
    .addOption(
      new Option(
        '--scope <scope>',
        'the seed peer of each task, all seed peers, or all other hosts',
      )
        .choices(SCOPES)
        .default('single_seed_peer'),
    )
    .option('--ip <address>', 'only this host of the scope (repeatable)', collectText)
    .option('--count <n>', 'so many hosts of the scope', parseNumberOption)
    .option('--percentage <n>', 'such a part of the scope', parseNumberOption)
    .option('--concurrent-task-count <n>', 'tasks that one host fetches at once', parseNumberOption)
    .option('--concurrent-peer-count <n>', 'downloads open at once in a cluster', parseNumberOption)
    .option('--wait', 'wait for the end and show what came of each host')
    .action(async (urls: readonly string[], options: PreheatOptions) => {
      exit(await runJobs(context, [await preheatBody(context, urls, options)], options));
    });
}

async function preheatBody(
  context: CliContext,
  urls: readonly string[],
  options: PreheatOptions,
): Promise<JobBody> {
  const contents =
    options.image === true ? await manifestArgs(context, urls, options) : fileArgs(urls, options);
  const { header, scope, ip, count, percentage } = options;
  const { concurrentTaskCount, concurrentPeerCount } = options;
  const args = {
    ...contents,
    ...taskNameArgs(options),
    headers: header,
    ...{ scope, ips: ip, count, percentage },
    concurrent_task_count: concurrentTaskCount,
    concurrent_peer_count: concurrentPeerCount,
  };
  return jobBody('preheat', args, options);
}

function fileArgs(urls: readonly string[], { platform, username }: PreheatOptions): object {
  if (platform !== undefined) throw usageError('--platform is for an image: add --image.');
  if (username !== undefined) throw usageError('--username is for an image: add --image.');
  return { type: 'file', urls };
}

async function manifestArgs(
  context: CliContext,
  urls: readonly string[],
  options: PreheatOptions,
): Promise<object> {
  const [url = '', ...others] = urls;
  if (others.length > 0) throw usageError('One image at a time: name one manifest.');
  return { type: 'image', ...(await imageArgs(context, url, options)) };
}
