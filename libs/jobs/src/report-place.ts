/** Which report of an order may be recorded when. */

/** Where a report stands among those of its attempt. */
export interface ReportPlace {
  /** When its scheduler began to carry the attempt out, Unix ms: an order that is delivered twice is carried out twice. */
  readonly runStartedAtMs: number;
  /** Position within that run, from 1. */
  readonly number: number;
}

/** Of an attempt of which nothing has been recorded. */
export const NO_REPORT: ReportPlace = { runStartedAtMs: 0, number: 0 };

/**
 * `next` may be recorded. `known` was recorded before. `early` has to wait for one that comes before
 * it. `stale-run` is of a run that a later one has taken the place of.
 */
export type ReportPlacing = 'next' | 'known' | 'early' | 'stale-run';

/**
 * Reports are recorded in the order in which they were sent, though brokers and managers bring them in any: the
 * first ones name who has to answer, and the last one says that all have.
 *
 * @param last the newest one that was recorded of the same attempt.
 */
export function placeReport(report: ReportPlace, last: ReportPlace): ReportPlacing {
  if (report.runStartedAtMs < last.runStartedAtMs) return 'stale-run';
  const recorded = report.runStartedAtMs === last.runStartedAtMs ? last.number : 0;
  if (report.number <= recorded) return 'known';
  return report.number === recorded + 1 ? 'next' : 'early';
}
