/** How far a download is, told on stderr. */

import { SingleBar } from 'cli-progress';
import type { CliContext } from '../context.js';
import { formatBytes, formatRate, formatTimeLeft, timeLeftMs } from '../output/quantities.js';

/** Told of a download's course. */
export interface Progress {
  /** @param totalBytes undefined while nobody knows. */
  start(totalBytes: number | undefined): void;
  update(doneBytes: number): void;
  /** No more is told; a line begun is ended. */
  stop(): void;
}

/** Time between two plain lines at least. */
export const PLAIN_LINE_INTERVAL_MS = 1000;

/** A bar on a terminal, plain lines elsewhere, nothing when `isQuiet`. A size unknown gives plain lines anywhere. */
export function makeProgress(context: CliContext, { isQuiet }: { isQuiet: boolean }): Progress {
  if (isQuiet) return new NoProgress();
  return context.stderr.isTTY === true ? new BarProgress(context) : new PlainProgress(context);
}

class NoProgress implements Progress {
  start(): void {
    // Nothing is told.
  }
  update(): void {
    // Nothing is told.
  }
  stop(): void {
    // Nothing was begun.
  }
}

/** At most one line a second; a download shorter than that has none. */
export class PlainProgress implements Progress {
  private totalBytes: number | undefined;
  private startedAtMs = 0;
  private toldAtMs = 0;

  constructor(private readonly context: CliContext) {}

  start(totalBytes: number | undefined): void {
    this.totalBytes = totalBytes;
    this.startedAtMs = this.context.nowMs();
    this.toldAtMs = this.startedAtMs;
  }

  update(doneBytes: number): void {
    const nowMs = this.context.nowMs();
    if (nowMs - this.toldAtMs < PLAIN_LINE_INTERVAL_MS) return;
    this.toldAtMs = nowMs;
    this.context.stderr.write(`${this.line(doneBytes, nowMs - this.startedAtMs)}\n`);
  }

  stop(): void {
    // Every line is whole.
  }

  private line(doneBytes: number, elapsedMs: number): string {
    const { totalBytes } = this;
    const rate = formatRate(doneBytes, elapsedMs);
    if (totalBytes === undefined) return `${formatBytes(doneBytes)}  ${rate}`;
    const percent = totalBytes === 0 ? 100 : Math.floor((doneBytes * 100) / totalBytes);
    const left = formatTimeLeft(timeLeftMs({ doneBytes, totalBytes, elapsedMs }));
    return `${percent}%  ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}  ${rate}  ${left} left`;
  }
}

/** One line that is drawn over and over. */
class BarProgress implements Progress {
  private bar: SingleBar | undefined; // From `start` with a known size to `stop`.
  private plain: PlainProgress | undefined; // When the size is unknown.
  private totalBytes = 0;
  private startedAtMs = 0;

  constructor(private readonly context: CliContext) {}

  start(totalBytes: number | undefined): void {
    this.startedAtMs = this.context.nowMs();
    if (totalBytes === undefined) {
      this.plain = new PlainProgress(this.context);
      this.plain.start(undefined);
      return;
    }
    this.totalBytes = totalBytes;
    this.bar = new SingleBar({
      format: '{bar} {percentage}%  {done} of {size}  {rate}  {left} left',
      stream: this.context.stderr,
      hideCursor: true,
      barsize: 30,
      emptyOnZero: false,
      gracefulExit: false,
    });
    this.bar.start(totalBytes, 0, this.facts(0));
  }

  update(doneBytes: number): void {
    this.plain?.update(doneBytes);
    this.bar?.update(doneBytes, this.facts(doneBytes));
  }

  stop(): void {
    this.bar?.stop();
    this.bar = undefined;
  }

  private facts(doneBytes: number): Record<string, string> {
    const elapsedMs = this.context.nowMs() - this.startedAtMs;
    const { totalBytes } = this;
    return {
      done: formatBytes(doneBytes),
      size: formatBytes(totalBytes),
      rate: formatRate(doneBytes, elapsedMs),
      left: formatTimeLeft(timeLeftMs({ doneBytes, totalBytes, elapsedMs })),
    };
  }
}
