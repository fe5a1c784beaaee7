/** `pondhawk login`: a name and password once, a personal access token from then on. */

import { hostname } from 'node:os';
import type { Command } from 'commander';
import { say, sayJson, type CliContext } from '../context.js';
import { CliError, ExitCode, usageError } from '../exit-code.js';
import { managerUrlOf, withManagerOptions, type ManagerOptions } from '../jobs/manager-options.js';
import { ManagerClient, isRecord } from '../manager/manager-client.js';
import { printable } from '../output/printable.js';
import { keepToken } from './kept-tokens.js';

interface LoginOptions extends ManagerOptions {
  readonly user: string;
  readonly days: string;
}

const DAY_MS = 86_400_000;
const SCOPES = ['job', 'cluster', 'admin'];

/** Adds the command. */
export function addLoginCommand(program: Command, context: CliContext): void {
  withManagerOptions(
    program
      .command('login')
      .description('Sign in and keep a token for the other commands')
      .option('--user <name>', 'name to sign in with', 'root')
      .option('--days <count>', 'how long the token lasts', '30')
      .addHelpText(
        'after',
        '\nThe password is read from PONDHAWK_PASSWORD, or asked for on the terminal.',
      ),
  ).action(async (options: LoginOptions) => login(context, options));
}

async function login(context: CliContext, options: LoginOptions): Promise<void> {
  if (!/^[1-9]\d{0,3}$/.test(options.days)) throw usageError('--days must be 1 to 9999.');
  const url = managerUrlOf(context, options);
  const anybody = new ManagerClient(url, undefined, context.signal);
  const password = context.env['PONDHAWK_PASSWORD'] ?? (await context.askSecret('Password: '));
  const session = textOf(
    await anybody.ask((api) =>
      api.POST('/api/v1/users/signin', { body: { name: options.user, password } }),
    ),
  );
  const user = new ManagerClient(url, session, context.signal);
  const expiresAtMs = context.wallMs() + Number(options.days) * DAY_MS;
  const token = textOf(
    await user.ask((api) =>
      api.POST('/api/v1/personal-access-tokens', {
        body: {
          name: `login ${hostname()} ${new Date(context.wallMs()).toISOString()}`.slice(0, 100),
          scopes: SCOPES,
          expired_at: new Date(expiresAtMs).toISOString(),
        },
      }),
    ),
  );
  const file = keepToken(context, url, token);
  if (options.json === true) sayJson(context, { manager: url, user: options.user, file });
  else
    say(
      context,
      `Signed in to ${printable(url)} as ${printable(options.user)}; token in ${printable(file)}.`,
    );
}

function textOf(answer: unknown): string {
  const token = isRecord(answer) ? answer['token'] : undefined;
  if (typeof token === 'string') return token;
  throw new CliError('NOT_A_MANAGER', 'The answer holds no token.', { exitCode: ExitCode.Failed });
}
