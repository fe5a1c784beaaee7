/** How the program ends, and what it says when it fails. */

import { PondhawkError } from '@pondhawk/core';

/** Exit codes; scripts rely on them. */
export const ExitCode = {
  Complete: 0,
  Failed: 1,
  Usage: 2,
  Partial: 3,
  Unreachable: 4,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** A failure with the words for the person at the terminal. */
export class CliError extends Error {
  constructor(
    /** SCREAMING_SNAKE. */
    readonly code: string,
    message: string,
    readonly ending: {
      readonly exitCode: ExitCode;
      /** What to do now. */
      readonly hint?: string;
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause: ending.cause });
  }
}

/** What is told of a failure. */
export interface Failure {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** A value on the command line that means nothing. */
export function usageError(message: string): CliError {
  return new CliError('USAGE', message, { exitCode: ExitCode.Usage });
}

/** The failure behind whatever was thrown. */
export function toFailure(thrown: unknown): Failure {
  if (thrown instanceof CliError) {
    const { code, message, ending } = thrown;
    return { exitCode: ending.exitCode, code, message, hint: ending.hint };
  }
  if (thrown instanceof PondhawkError) {
    return { exitCode: exitCodeOf(thrown), code: thrown.code, message: thrown.message };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { exitCode: ExitCode.Failed, code: 'FAILED', message };
}

function exitCodeOf(error: PondhawkError): ExitCode {
  // The transport's own code: no daemon answered. A daemon that names a reason was reached.
  return error.code === 'UNAVAILABLE' ? ExitCode.Unreachable : ExitCode.Failed;
}
