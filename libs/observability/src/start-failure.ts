import { ConfigError, toError } from '@pondhawk/core';

/** Exit code of a daemon whose settings or surroundings do not allow it to start. */
export const EXIT_CONFIG = 2;
const EXIT_FAILURE = 1;

/**
 * What a daemon does when it could not start: one line on stderr that names what to correct, with
 * EXIT_CONFIG; for anything else, which is a fault, the stack with 1.
 *
 * @returns a handler for a rejected start; it ends the process.
 */
export function endOnStartFailure(program: string): (thrown: unknown) => never {
  return (thrown) => {
    const error = toError(thrown);
    const isConfig = error instanceof ConfigError;
    const text = isConfig ? `${error.code}: ${error.message}` : (error.stack ?? error.message);
    process.stderr.write(`${program}: ${text}\n`);
    process.exit(isConfig ? EXIT_CONFIG : EXIT_FAILURE);
  };
}
