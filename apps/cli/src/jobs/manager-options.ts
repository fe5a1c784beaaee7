import { InvalidArgumentError as InvalidOption, type Command } from 'commander';
import { collectNumber, collectText, parseSizeBytes, parseTimeoutMs } from '../arguments/values.js';
import type { CliContext } from '../context.js';
import { usageError } from '../exit-code.js';
import { tokenFor } from '../login/kept-tokens.js';
import { DEFAULT_MANAGER_URL, ManagerClient } from '../manager/manager-client.js';

/** Options of every command that talks to the manager. */
export interface ManagerOptions {
  readonly manager?: string;
  readonly json?: boolean;
}

/** Adds `--manager` and `--json`. */
export function withManagerOptions(command: Command): Command {
  return command
    .option('--manager <url>', 'URL of the manager (or PONDHAWK_MANAGER)', parseManagerUrl)
    .option('--json', 'print one JSON document and nothing else');
}

/** Adds the options that name a task and bound a job. */
export function withJobOptions(command: Command): Command {
  return withManagerOptions(command)
    .option(
      '--cluster <id>',
      'scheduler cluster (repeatable; all of them by default)',
      collectNumber,
    )
    .option('--tag <tag>', 'the tag that the URL was downloaded with')
    .option('--application <name>', 'the application that the URL was downloaded with')
    .option('--piece-length <size>', 'the piece length asked for at the download', parseSizeBytes)
    .option(
      '--filtered-query-param <name>',
      'query parameter that does not count (repeatable)',
      collectText,
    )
    .option('--timeout <duration>', 'the job’s own time limit, as 30s', parseTimeoutMs);
}

/** The URL of the option, PONDHAWK_MANAGER, or the default. @throws CliError (`USAGE`) for a bad variable. */
export function managerUrlOf(context: CliContext, options: ManagerOptions): string {
  const fromEnvironment = context.env['PONDHAWK_MANAGER'];
  const url = options.manager ?? (fromEnvironment ? readVariable(fromEnvironment) : undefined);
  return url ?? DEFAULT_MANAGER_URL;
}

/** The client for that URL, with the token there is for it. @throws CliError (`USAGE`, `TOKENS_UNREADABLE`). */
export function managerOf(context: CliContext, options: ManagerOptions): ManagerClient {
  const target = managerUrlOf(context, options);
  return new ManagerClient(target, tokenFor(context, target), context.signal);
}

function readVariable(raw: string): string {
  try {
    return parseManagerUrl(raw);
  } catch {
    // Commander would name an option that nobody gave.
    throw usageError('PONDHAWK_MANAGER must be a URL such as http://127.0.0.1:8080.');
  }
}

function parseManagerUrl(raw: string): string {
  const url = URL.canParse(raw) ? new URL(raw) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new InvalidOption('Write the manager as a URL such as http://127.0.0.1:8080.');
  }
  return raw.replace(/\/+$/, '');
}
