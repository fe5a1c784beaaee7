/** What a run of chaos saw, in words, and whether it passed. */

import type { Deletion, StaleServe } from '@pondhawk/testing';

/** What a run saw. */
export interface ChaosReport {
  readonly cycles: number;
  readonly seed: number;
  /** By kind. */
  readonly faults: ReadonlyMap<string, number>;
  readonly servesChecked: number;
  /** Questions to which not one byte came. */
  readonly refusals: number;
  /** How reads by slow readers ended. */
  readonly slowReaders: ReadonlyMap<string, number>;
  readonly deletions: readonly Deletion[];
  readonly stale: readonly StaleServe[];
  /** Other things that must not be. */
  readonly broken: readonly string[];
  /** Cycles without a serve or a purge to check. */
  readonly idleCycles: readonly number[];
}

/** Lines of which more would be a flood. */
const SHOWN_MAX = 10;

/** Why a run has failed; nothing when it passed. An idle cluster does not pass. */
export function failuresOf(report: ChaosReport): string[] {
  const { stale, broken, idleCycles, cycles } = report;
  return [
    ...stale.slice(0, SHOWN_MAX).map(tellStale),
    ...broken.slice(0, SHOWN_MAX),
    ...(idleCycles.length === 0 ? [] : [`nothing to check in cycles ${idleCycles.join(', ')}`]),
    ...(cycles === 0 ? ['not one cycle was run'] : []),
  ];
}

/** The report for people. */
export function tellReport(report: ChaosReport): string[] {
  const { cycles, deletions, stale } = report;
  return [
    `${cycles} cycles, seed ${report.seed}`,
    `faults: ${tellCounts(report.faults)}`,
    `serves checked: ${report.servesChecked}; questions that got nothing: ${report.refusals}`,
    `purges checked: ${tellCounts(countBy(deletions, ({ state, finality }) => `${finality} ${state}`))}`,
    `slow readers: ${tellCounts(report.slowReaders)}`,
    `stale serves: ${stale.length}; other faults: ${report.broken.length}`,
    ...(cycles > 0 && stale.length === 0
      ? [
          `with 95 % confidence less than ${Math.min(1, 3 / cycles).toFixed(4)} of such cycles serve stale bytes (3/n)`,
        ]
      : []),
  ];
}

function tellStale({ serve, deletion, bytes }: StaleServe): string {
  const { answer, version, startByte, endByte, atMs } = serve;
  const late = (atMs - deletion.endSeenAtMs).toFixed(0);
  const asked = (answer.askedAtMs - deletion.endSeenAtMs).toFixed(0);
  return (
    `STALE: ${answer.host} (${answer.way}) served ${bytes} purged bytes of ${answer.content} version ${version} ` +
    `[${startByte}, ${endByte}) ${late} ms after the end of job ${deletion.job} (${deletion.finality} ${deletion.state}); ` +
    `asked ${asked} ms after it`
  );
}

function countBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(keyOf(value), (counts.get(keyOf(value)) ?? 0) + 1);
  return counts;
}

function tellCounts(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ') || 'none';
}
