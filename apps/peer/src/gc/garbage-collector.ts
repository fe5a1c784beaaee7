import type { Clock } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { CopyStore } from '../copies/index.js';
import type { StartupRepair, TaskDeletion } from '../deletion/index.js';
import type { DiskReserve } from './disk-reserve.js';
import type { DiskGauge } from './disk-usage.js';
import {
  byLastUse,
  bytesOverLow,
  chooseExpired,
  type EvictionCandidate,
  type Watermarks,
} from './eviction-plan.js';

/** Freed at least, if there is that much, when a fill found no space: room for a few pieces. */
export const MAKE_SPACE_BYTES = 256 * 1024 * 1024;

/** How the collector behaves. */
export interface GcSettings extends Watermarks {
  readonly intervalMs: number;
  readonly ttlMs: number;
}

/** What a collection did. */
export interface GcReport {
  readonly expired: number;
  readonly evicted: number;
  readonly freedBytes: number;
}

/** What the collector works with. */
export interface GarbageCollectorParts {
  readonly copies: CopyStore;
  readonly deletion: TaskDeletion;
  readonly repair: StartupRepair;
  readonly disk: DiskGauge;
  readonly reserve: DiskReserve;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: GcSettings;
  /** Told of each collection, for metrics. */
  readonly onCollected?: (report: GcReport) => void;
}

/**
 * Deletes copies that were not used for long, and the least used ones when the disk fills up, by the
 * same path as every deletion. A copy that is filled or read in that very turn stays.
 *
 * Runs every interval between `start` and `stop`, and when a fill finds no space; one run at a time.
 */
export class GarbageCollector {
  private timer: NodeJS.Timeout | undefined; // Set between start and stop.
  private running: Promise<GcReport> | undefined;
  private making: Promise<boolean> | undefined; // All fills that find no space wait for one run.

  constructor(private readonly parts: GarbageCollectorParts) {}

  /** Begins to collect at intervals. */
  start(): void {
    this.timer = setInterval(() => {
      this.collect().catch((error: unknown) => {
        this.parts.log.error('collection failed', { err: error });
      });
    }, this.parts.settings.intervalMs);
    this.timer.unref();
  }

  /** Ends the intervals and waits for the run under way. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    await this.running?.catch(() => undefined); // Logged by whoever started it.
  }

  /** One run; a call during another joins it. */
  async collect(): Promise<GcReport> {
    this.running ??= this.runOnce().finally(() => (this.running = undefined));
    return this.running;
  }

  /** Frees space for a fill that found none. @returns whether some came free. */
  async makeSpace(): Promise<boolean> {
    this.making ??= this.makeSpaceOnce().finally(() => (this.making = undefined));
    return this.making;
  }

  private async makeSpaceOnce(): Promise<boolean> {
    const { reserve, log } = this.parts;
    await reserve.giveUp();
    const report = await this.collect();
    const freedBytes =
      report.freedBytes > 0 ? report.freedBytes : (await this.evict(MAKE_SPACE_BYTES)).bytes;
    log.warn('disk was full for a fill', { freedBytes });
    await reserve.take();
    return freedBytes > 0;
  }

  private async runOnce(): Promise<GcReport> {
    const { copies, clock, disk, repair, settings, log, reserve } = this.parts;
    if (this.making === undefined) await reserve.take();
    copies.flushUses();
    await repair.removeOrphans();
    const expired = chooseExpired(this.candidates(), {
      nowMs: clock.nowMs(),
      ttlMs: settings.ttlMs,
    });
    const byAge = await this.deleteEach(expired, Infinity);
    const over = bytesOverLow(await disk.measure(), settings);
    const byDisk = over > 0 ? await this.evict(over) : { count: 0, bytes: 0 };
    const report = {
      expired: byAge.count,
      evicted: byDisk.count,
      freedBytes: byAge.bytes + byDisk.bytes,
    };
    if (report.expired + report.evicted > 0) log.info('copies collected', report);
    this.parts.onCollected?.(report);
    return report;
  }

  private evict(bytes: number): Promise<{ count: number; bytes: number }> {
    return this.deleteEach(byLastUse(this.candidates()), bytes);
  }

  private candidates(): EvictionCandidate[] {
    const { copies } = this.parts;
    const candidates: EvictionCandidate[] = [];
    for (const { copyId, state, updatedAtMs } of copies.listCopies()) {
      if (state === 'purged' || copies.isInUse(copyId)) continue;
      candidates.push({
        copyId,
        lastUsedAtMs: updatedAtMs,
        storedBytes: copies.storedBytes(copyId),
      });
    }
    return candidates;
  }

  private async deleteEach(
    candidates: readonly EvictionCandidate[],
    bytesWanted: number,
  ): Promise<{ count: number; bytes: number }> {
    let bytes = 0;
    let count = 0;
    for (const { copyId } of candidates) {
      if (bytes >= bytesWanted) break;
      if (this.parts.copies.isInUse(copyId)) continue;
      try {
        bytes += await this.parts.deletion.deleteCopies([copyId], {
          onlyIdle: true,
          announce: true,
        });
        count += 1;
      } catch (error) {
        this.parts.log.error('copy cannot be collected', { copyId, err: error });
      }
    }
    return { count, bytes };
  }
}
