import { readFile } from 'node:fs/promises';
import { toError } from '@pondhawk/core';
import { InvalidArgumentError as InvalidOption } from 'commander';
import { parseTaskName } from '../arguments/values.js';
import { CliError, ExitCode, usageError } from '../exit-code.js';

/**
 * Names of tasks from a file: an id or a URL a line; empty lines and those that begin with `#` are left out.
 *
 * @param path `-` for standard input.
 * @throws CliError (`USAGE`) naming the line; (`FILE_UNREADABLE`).
 */
export async function readTaskList(path: string): Promise<readonly string[]> {
  const text = await readFile(path === '-' ? '/dev/stdin' : path, 'utf8').catch(
    (error: unknown) => {
      throw new CliError('FILE_UNREADABLE', `${path} cannot be read: ${toError(error).message}.`, {
        exitCode: ExitCode.Usage,
        cause: error,
      });
    },
  );
  return text.split(/\r?\n/).flatMap((line, index) => {
    const name = line.trim();
    return name === '' || name.startsWith('#') ? [] : [readName(name, `${path}:${index + 1}`)];
  });
}

function readName(name: string, place: string): string {
  try {
    return parseTaskName(name);
  } catch (error) {
    if (error instanceof InvalidOption) throw usageError(`${place}: ${error.message}`);
    throw error;
  }
}
