import { setTimeout as sleep } from 'node:timers/promises';
import type { pondhawkV1 } from '@pondhawk/contracts';
import { backoffDelayMs, toError, WakeLoop } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { ManagerCalls } from './manager-calls.js';

/** Outcomes that wait for the manager; the oldest go beyond it. */
export const LATER_WAITING_MAX = 10_000;
const OUTCOMES_PER_CALL_MAX = 500;
const DELAY_MS = 50;
const RETRY_BACKOFF = { baseMs: 500, capMs: 10_000 };

interface WaitingOutcome extends pondhawkV1.LaterOutcome {
  readonly epoch: string;
}

/** Tells the manager what hosts did with entries for which no order waits any more. */
export class LaterReports {
  private waiting: WaitingOutcome[] = [];
  private readonly telling = new WakeLoop(() => this.send());
  private readonly stopping = new AbortController();

  constructor(
    private readonly manager: ManagerCalls,
    private readonly log: Log,
  ) {}

  /** Takes one outcome along. */
  add(outcome: WaitingOutcome): void {
    this.waiting.push(outcome);
    if (this.waiting.length > LATER_WAITING_MAX) {
      this.waiting.shift();
      this.log.warn('an outcome could not be told to the manager in time', {
        hostId: outcome.hostId,
      });
    }
    this.telling.wake();
  }

  /** Ends it; what waits is given up. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.telling.idle();
  }

  private async send(): Promise<void> {
    const { signal } = this.stopping;
    let failures = 0;
    while (this.waiting.length > 0 && !signal.aborted) {
      const delayMs =
        failures === 0 ? DELAY_MS : backoffDelayMs(failures, RETRY_BACKOFF, Math.random);
      await sleep(delayMs, undefined, { signal }).catch(() => undefined); // Stopping.
      const epoch = this.waiting[0]?.epoch ?? '';
      const batch = this.waiting
        .slice(0, OUTCOMES_PER_CALL_MAX)
        .filter((outcome) => outcome.epoch === epoch);
      try {
        await this.manager.reportLater({ logEpoch: Buffer.from(epoch, 'hex'), outcomes: batch });
        const told = new Set(batch);
        this.waiting = this.waiting.filter((outcome) => !told.has(outcome));
        failures = 0;
      } catch (thrown) {
        failures += 1;
        if (failures === 1)
          this.log.warn('the manager takes no outcomes', { err: toError(thrown) });
      }
    }
  }
}
