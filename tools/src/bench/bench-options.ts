import type { PartReport } from './report.js';

/** What every part of the bench is told. */
export interface BenchOptions {
  /** Root of the project, whose daemons are run. */
  readonly projectDir: string;
  /** Small sizes and few rounds: shows that it works, its figures mean little. */
  readonly isQuick: boolean;
  /** Prints one line of progress. */
  readonly say: (line: string) => void;
  /** Aborted when the bench is to end early. */
  readonly signal: AbortSignal;
}

/** One part: sets up what it needs, measures, and leaves nothing behind. */
export type BenchPart = (options: BenchOptions) => Promise<PartReport>;

/** Bytes of a KiB. */
export const KIB = 1024;
/** Bytes of a MiB. */
export const MIB = 1024 * 1024;
