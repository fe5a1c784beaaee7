import { toError } from '@pondhawk/core';
import type { Log } from './log.js';

/** A daemon that has not stopped in order by then is ended; below the 30 s that Kubernetes gives. */
export const STOP_MS_MAX = 25_000;

const EXIT_IN_ORDER = 0;
const EXIT_FORCED = 1;

/** What a signal begins. */
export interface StopOnSignalsOptions {
  /** Stops everything in order. */
  readonly stop: () => Promise<void>;
  readonly log: Log;
  /** Default STOP_MS_MAX. */
  readonly limitMs?: number;
}

/**
 * From now on the first SIGTERM or SIGINT stops the daemon in order and ends the process with 0. It
 * ends with 1 if that fails or takes longer than the limit, and at once when told a second time.
 */
export function stopOnSignals({ stop, log, limitMs = STOP_MS_MAX }: StopOnSignalsOptions): void {
  let isStopping = false;
  const begin = (signal: NodeJS.Signals): void => {
    if (isStopping) process.exit(EXIT_FORCED);
    isStopping = true;
    log.info('stopping', { signal });
    setTimeout(() => {
      const waitingFor = [...new Set(process.getActiveResourcesInfo())].join(', ');
      log.error('stop took too long', { limitMs, waitingFor });
      process.exit(EXIT_FORCED);
    }, limitMs);
    stop().then(
      () => process.exit(EXIT_IN_ORDER),
      (thrown: unknown) => {
        log.error('stop failed', { err: toError(thrown) });
        process.exit(EXIT_FORCED);
      },
    );
  };
  process.on('SIGTERM', begin);
  process.on('SIGINT', begin);
}
