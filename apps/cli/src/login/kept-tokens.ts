/** Tokens of `pondhawk login`, one a manager, readable by their owner alone. */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { errnoOf, toError } from '@pondhawk/core';
import type { CliContext } from '../context.js';
import { CliError, ExitCode } from '../exit-code.js';

const OWNER_ONLY = 0o600;
const OWNER_ONLY_FOLDER = 0o700;

/** What to call a manager with: PONDHAWK_TOKEN, or what `login` kept for it. */
export function tokenFor(context: Pick<CliContext, 'env'>, managerUrl: string): string | undefined {
  const given = context.env['PONDHAWK_TOKEN'];
  return given ? given : readTokens(fileOf(context))[managerUrl];
}

/** Keeps a token for a manager. @throws CliError (`TOKEN_NOT_KEPT`). @returns the file. */
export function keepToken(
  context: Pick<CliContext, 'env'>,
  managerUrl: string,
  token: string,
): string {
  const file = fileOf(context);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: OWNER_ONLY_FOLDER });
    const tokens = { ...readTokens(file), [managerUrl]: token };
    // A reader sees the old file or the whole new one.
    writeFileSync(`${file}.new`, `${JSON.stringify(tokens, undefined, 2)}\n`, { mode: OWNER_ONLY });
    renameSync(`${file}.new`, file);
    return file;
  } catch (error) {
    const why = errnoOf(error) ?? toError(error).message;
    throw new CliError('TOKEN_NOT_KEPT', `The token cannot be kept in ${file} (${why}).`, {
      exitCode: ExitCode.Failed,
      cause: toError(error),
    });
  }
}

function fileOf({ env }: Pick<CliContext, 'env'>): string {
  const folder = env['XDG_CONFIG_HOME'] ?? join(env['HOME'] ?? homedir(), '.config');
  return join(folder, 'pondhawk', 'tokens.json');
}

function readTokens(file: string): Readonly<Record<string, string>> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  } catch (error) {
    // Nobody has signed in yet; a broken file is as good as none, and is written anew by the next login.
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return {};
    throw new CliError('TOKENS_UNREADABLE', `${file} cannot be read.`, {
      exitCode: ExitCode.Failed,
      cause: toError(error),
    });
  }
}
