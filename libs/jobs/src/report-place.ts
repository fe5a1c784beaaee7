/** Which report of an order may be recorded when. */

/** Where a report stands among those of its attempt. */
export interface ReportPlace {
  /** When its scheduler began to carry the attempt out, Unix ms: an order that is delivered twice is carried out twice. */
  readonly runStartedAtMs: number;
  /** Position within that run, from 1. */
  readonly number: number;
}

/** How far the reports of an attempt are recorded. */
export interface RecordedReports {
  /** The newest one. */
  readonly last: ReportPlace;
  /** Its order is over: what still comes does not decide anything, and says how it went on. */
  readonly isOrderEnded: boolean;
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
 * first ones name who has to answer, and the last one says that all have. Once the order is over, in any order.
 */
export function placeReport(
  report: ReportPlace,
  { last, isOrderEnded }: RecordedReports,
): ReportPlacing {
  const isOfRun = report.runStartedAtMs === last.runStartedAtMs;
  if (isOfRun && report.number <= last.number) return 'known';
  if (isOrderEnded) return 'next';
  if (report.runStartedAtMs < last.runStartedAtMs) return 'stale-run';
  return report.number === (isOfRun ? last.number : 0) + 1 ? 'next' : 'early';
}
