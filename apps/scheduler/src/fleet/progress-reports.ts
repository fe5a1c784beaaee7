import { setTimeout as sleep } from 'node:timers/promises';
import { toError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { HostConnection } from './host-connection.js';
import type { ManagerCalls } from './manager-calls.js';

/** How often the manager is told how far hosts have come. */
export const PROGRESS_INTERVAL_MS = 1_000;
const HOSTS_PER_CALL_MAX = 500;

/** What the reports are made from. */
export interface ProgressReportsParts {
  readonly manager: ManagerCalls;
  readonly log: Log;
  readonly listOpen: () => Iterable<HostConnection>;
}

/**
 * Tells the manager how far each host has come in the purge log, for operators to see: once a second
 * those that have moved, and all of them to a new start of the manager, which remembers nothing. What
 * could not be told is told a second later as it stands then.
 */
export class ProgressReports {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private told = new WeakMap<HostConnection, number>();
  private isFailing = false; // Told once in a row.

  constructor(private readonly parts: ProgressReportsParts) {}

  /** The manager can be asked. */
  begin(): void {
    this.running ??= this.run();
  }

  /** The manager knows nothing of what it was told. */
  forget(): void {
    this.told = new WeakMap();
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.tell();
      await sleep(PROGRESS_INTERVAL_MS, undefined, { signal }).catch(() => undefined); // Stopping.
    }
  }

  private async tell(): Promise<void> {
    const { manager, log } = this.parts;
    try {
      for (let moved = this.findMoved(); moved.length > 0; moved = this.findMoved()) {
        const { told } = this;
        const [first] = moved;
        const epoch = first?.progress?.epoch ?? '';
        const batch = moved.filter(({ progress }) => progress?.epoch === epoch);
        const hosts = batch.map(({ hostId, incarnation, progress }) => ({
          ...{ hostId, incarnation: Buffer.from(incarnation, 'hex') },
          applied: BigInt(progress?.applied ?? 0),
        }));
        // Before the answer: what moves on meanwhile is told by the next call.
        const applied = batch.map(({ progress }) => progress?.applied ?? 0);
        await manager.reportProgress({ logEpoch: Buffer.from(epoch, 'hex'), hosts });
        batch.forEach((connection, index) => told.set(connection, applied[index] ?? 0));
      }
      this.isFailing = false;
    } catch (thrown) {
      if (!this.isFailing) {
        log.warn('the manager is not told how far hosts are', { err: toError(thrown) });
      }
      this.isFailing = true;
    }
  }

  /** At most as many as one call holds. */
  private findMoved(): HostConnection[] {
    const moved: HostConnection[] = [];
    for (const connection of this.parts.listOpen()) {
      const { progress } = connection;
      if (progress === undefined || this.told.get(connection) === progress.applied) continue;
      moved.push(connection);
      if (moved.length === HOSTS_PER_CALL_MAX) break;
    }
    return moved;
  }
}
