import { resolve } from 'node:path';
import { configFileFromArgv, type DaemonCommand } from '@pondhawk/config';
import { ConfigError } from '@pondhawk/core';

/** What the program was asked to do: to run, or something with a copy of the ledger. */
export type ManagerCommand =
  | DaemonCommand
  | {
      readonly kind: 'backup' | 'restore';
      /** Absolute path of the backup. */
      readonly copy: string;
      /** The settings, as for running. */
      readonly file: string | undefined;
    };

/**
 * Reads the command line: `[backup FILE | restore FILE] [--config FILE.yaml]`, `--help`, `--version`.
 *
 * @param argv without node and script, as `process.argv.slice(2)`.
 * @throws ConfigError (`USAGE`) for anything else.
 */
export function managerCommandFromArgv(argv: readonly string[]): ManagerCommand {
  const [word, copy = '', ...rest] = argv;
  if (word !== 'backup' && word !== 'restore') return configFileFromArgv(argv);
  if (copy === '--help') return { kind: 'help' };
  if (copy === '' || copy.startsWith('-')) {
    throw new ConfigError(
      'USAGE',
      `Name the file: pondhawk-manager ${word} FILE [--config FILE.yaml].`,
    );
  }
  const command = configFileFromArgv(rest);
  return command.kind === 'run' ? { kind: word, copy: resolve(copy), file: command.file } : command;
}
