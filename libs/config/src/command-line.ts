import { parseArgs } from 'node:util';
import { ConfigError, toError } from '@pondhawk/core';

/** What a daemon was asked to do. */
export type DaemonCommand =
  | { readonly kind: 'run'; readonly file: string | undefined }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' };

/**
 * Reads a daemon's command line: `--config FILE.yaml`, `--help`, `--version`.
 *
 * @param argv without node and script, as `process.argv.slice(2)`.
 * @throws ConfigError (`USAGE`) for anything else.
 */
export function configFileFromArgv(argv: readonly string[]): DaemonCommand {
  const { config, help, version } = parse(argv);
  if (help === true) return { kind: 'help' };
  if (version === true) return { kind: 'version' };
  return { kind: 'run', file: config };
}

function parse(argv: readonly string[]): {
  config?: string | undefined;
  help?: boolean | undefined;
  version?: boolean | undefined;
} {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        config: { type: 'string' },
        help: { type: 'boolean' },
        version: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new ConfigError(
      'USAGE',
      `${toError(error).message} Use --config FILE.yaml, --help or --version.`,
      {
        cause: error,
      },
    );
  }
}
