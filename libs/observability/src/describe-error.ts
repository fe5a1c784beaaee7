import { PondhawkError, errnoOf, toError } from '@pondhawk/core';

/** How many causes below an error are written out. */
export const ERROR_CAUSES_MAX = 5;

/** An error as it is logged. */
export interface ErrorDescription {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly stack?: string;
  /** From the nearest cause to the deepest, at most ERROR_CAUSES_MAX. */
  readonly causes?: readonly string[];
}

/** Writes an error out for a log line: its code, message, stack, and the chain of its causes. */
export function describeError(thrown: unknown): ErrorDescription {
  const error = toError(thrown);
  const code = error instanceof PondhawkError ? error.code : errnoOf(error);
  const causes = describeCauses(error);
  const hasDetails = error instanceof PondhawkError && Object.keys(error.details).length > 0;
  return {
    name: error.name,
    ...(code === undefined ? {} : { code }),
    message: error.message,
    ...(hasDetails ? { details: error.details } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(causes.length > 0 ? { causes } : {}),
  };
}

function describeCauses(error: Error): string[] {
  const causes: string[] = [];
  let cause = error.cause;
  while (cause !== undefined && causes.length < ERROR_CAUSES_MAX) {
    const { name, message, cause: next } = toError(cause);
    const code = errnoOf(cause);
    causes.push(`${name}${code === undefined ? '' : ` ${code}`}: ${message}`);
    cause = next;
  }
  return causes;
}
