import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { type Clock, runAtHalfTime, toError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { LedgerWriter } from '../ledger/index.js';
import type { ManagerMetrics } from '../process-wide/manager-metrics.js';
import type { RetentionAges } from './retention-ages.js';

/** How often it is looked for what has grown old. */
export const RETENTION_SWEEP_INTERVAL_MS = 60_000;
/** A clock that went ahead by more than this between two sweeps was set, or the machine slept. */
export const CLOCK_LEAP_MS_MAX = 600_000;
/** Then nothing is removed for so long: if the clock is wrong, somebody can put it right before it costs anything. */
export const CLOCK_LEAP_HOLD_MS = 3_600_000;
/** Commands of one sweep; what is left then waits for the next. */
export const COMMANDS_PER_SWEEP_MAX = 100;

/** What the sweeper works with. */
export interface RetentionSweeperOptions {
  readonly writer: LedgerWriter;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: ManagerMetrics;
  /** How long ended jobs and audits are kept, as it stands at each sweep. */
  readonly loadAges: () => Promise<RetentionAges>;
  /** How long entries of purge logs are kept. */
  readonly purgeAgeMsMax: number;
  /** The newest time that the ledger knew when it was opened; 0 for a new one. */
  readonly ledgerAtMs: number;
}

/**
 * Removes what is older than it is kept, in small commands between which others get their turn. Sweeps
 * from bootstrap, at once and then every `RETENTION_SWEEP_INTERVAL_MS`, to shutdown. After a leap of
 * the clock it waits for `CLOCK_LEAP_HOLD_MS`; a start long after the ledger's newest time is one, since a
 * manager that was away that long and a clock that was set meanwhile look the same.
 */
export class RetentionSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined; // Set between bootstrap and shutdown.
  private sweeping: Promise<void> | undefined; // Set while a sweep is under way.
  private isStopping = false;
  private isFailing = false; // The last sweep failed; only the first of a row is logged.
  private wallOffsetMs: number; // Wall clock less monotonic, as of the last sweep.
  private holdUntilMs = 0; // Monotonic.
  private hasLooked = false; // At the clock, since the start.

  constructor(private readonly options: RetentionSweeperOptions) {
    const { clock, ledgerAtMs } = options;
    this.wallOffsetMs =
      ledgerAtMs === 0 ? this.readWallOffsetMs() : ledgerAtMs - clock.monotonicMs();
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.begin(), RETENTION_SWEEP_INTERVAL_MS);
    this.begin();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    clearInterval(this.timer);
    await this.sweeping;
  }

  private begin(): void {
    if (this.isOnHold()) return;
    this.sweeping ??= this.sweep().finally(() => (this.sweeping = undefined));
  }

  private isOnHold(): boolean {
    const { clock, log } = this.options;
    const offsetMs = this.readWallOffsetMs();
    const leapMs = offsetMs - this.wallOffsetMs;
    this.wallOffsetMs = offsetMs;
    if (leapMs > CLOCK_LEAP_MS_MAX) {
      this.holdUntilMs = clock.monotonicMs() + CLOCK_LEAP_HOLD_MS;
      const what = this.hasLooked ? 'the clock leapt ahead' : 'the ledger is of long ago';
      log.warn(`${what}: nothing is removed by age for an hour`, { leapMs });
    }
    this.hasLooked = true;
    return clock.monotonicMs() < this.holdUntilMs;
  }

  private readWallOffsetMs(): number {
    const { clock } = this.options;
    return clock.nowMs() - clock.monotonicMs();
  }

  private async sweep(): Promise<void> {
    const { writer, clock, log, metrics, loadAges, purgeAgeMsMax } = this.options;
    try {
      const ages = await loadAges();
      for (let commands = 0; commands < COMMANDS_PER_SWEEP_MAX && !this.isStopping; commands += 1) {
        const input = { atMs: clock.nowMs(), ...ages, purgeAgeMsMax };
        const { hasMore, ...removed } = await runAtHalfTime(() =>
          writer.execute('remove-aged', input),
        );
        for (const kind of ['jobs', 'keys', 'hosts', 'purges', 'audits'] as const) {
          metrics.agedRows.add(removed[kind], { kind });
        }
        if (!hasMore) break;
      }
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) log.error('what is old cannot be removed', { err: toError(error) });
      this.isFailing = true;
    }
  }
}
