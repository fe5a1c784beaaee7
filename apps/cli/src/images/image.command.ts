import type { Command } from 'commander';
import { collectHeader, parseUrlArgument } from '../arguments/values.js';
import { say, sayJson, type CliContext } from '../context.js';
import { CliError, ExitCode } from '../exit-code.js';
import { jobBody, taskNameArgs, type TaskNameOptions } from '../jobs/job-request.js';
import { managerOf, withJobOptions, type ManagerOptions } from '../jobs/manager-options.js';
import type { ApiRecord } from '../manager/manager-client.js';
import { formatBytes } from '../output/quantities.js';
import { renderTable } from '../output/table.js';
import { imageArgs, withImageOptions, type ImageOptions } from './registry-access.js';

type Distribution = ApiRecord<'ImageDistribution'>;
type HoldingHost = Distribution['peers'][number];

type Options = ManagerOptions &
  TaskNameOptions &
  ImageOptions & { readonly header?: Readonly<Record<string, string>> };

/** `pondhawk image`. */
export function addImageCommand(
  program: Command,
  context: CliContext,
  exit: (code: ExitCode) => void,
): void {
  withImageOptions(
    withJobOptions(
      program.command('image').description('show which hosts hold which layers of an image'),
    ),
  )
    .argument('<url>', 'https://<registry>/v2/<name>/manifests/<tag>', parseUrlArgument)
    .option('--header <header>', "for the registry, as 'Name: value' (repeatable)", collectHeader)
    .action(async (url: string, options: Options) => {
      exit(await showImage(context, url, options));
    });
}

async function showImage(context: CliContext, url: string, options: Options): Promise<ExitCode> {
  const image = await imageArgs(context, url, options);
  const args = { ...image, ...taskNameArgs(options), headers: options.header };
  const body = jobBody('get_image_distribution', args, options);
  const answer = await managerOf(context, options).ask((api) =>
    api.POST('/api/v1/jobs', { body, params: {} }),
  );
  if (!('image' in answer)) {
    throw new CliError('MANAGER_ANSWER_BROKEN', 'The manager’s answer is of no image.', {
      exitCode: ExitCode.Failed,
    });
  }
  if (options.json === true) sayJson(context, answer);
  else sayDistribution(context, answer);
  return exitCodeOf(answer);
}

function exitCodeOf({ state, outcome }: Distribution): ExitCode {
  if (state === 'PENDING' || outcome === 'partial') return ExitCode.Partial;
  return outcome === 'complete' ? ExitCode.Complete : ExitCode.Failed;
}

function sayDistribution(context: CliContext, answer: Distribution): void {
  const { layers } = answer.image;
  const sizes = new Map(layers.map(({ url, size }) => [url, size]));
  const holding = (host: HoldingHost): string[] => {
    const bytes = host.cached_layers.reduce((sum, { url }) => sum + (sizes.get(url) ?? 0), 0);
    const held = `${host.cached_layers.length} of ${layers.length}`;
    return [host.hostname, host.ip, held, formatBytes(bytes), ''];
  };
  const silent = answer.failure_peers.map(({ hostname, ip, code, description }) => {
    return [hostname, ip, '-', '-', `${code}: ${description}`];
  });
  const rows = [...[...answer.peers, ...answer.seed_peers].map(holding), ...silent];
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  const holders = answer.peers.length + answer.seed_peers.length;
  say(
    context,
    `${layers.length} blobs, ${formatBytes(total)}; ${holders} hosts hold some, ${silent.length} gave no answer`,
  );
  if (rows.length > 0) {
    say(context, renderTable(['HOST', 'IP', 'BLOBS', 'BYTES', 'REASON'], rows));
  }
  if (answer.truncated) say(context, 'There are more copies than one answer holds.');
  if (answer.state === 'PENDING') {
    say(context, `Some hosts have not answered yet: pondhawk job watch ${answer.job_id}`);
  }
}
