/**
 * What came of one node's share of a job. `answered` is the good end of a question (get_task,
 * list_tasks), `deleted` that of a delete; `absent` answers both. A preheat ends well with `preheated`
 * (fetched for this job) or `already_here`.
 */
export const TargetOutcome = {
  Pending: 'pending',
  Skipped: 'skipped',
  Failed: 'failed',
  Fenced: 'fenced',
  Absent: 'absent',
  Answered: 'answered',
  Deleted: 'deleted',
  AlreadyHere: 'already_here',
  Preheated: 'preheated',
} as const;
/** One of the outcomes. */
export type TargetOutcome = (typeof TargetOutcome)[keyof typeof TargetOutcome];

/**
 * All outcomes, worst first: a report brings only a better one, so the order of reports does not matter.
 * A host asked twice says `absent` the second time, and `already_here`; what it deleted or fetched the
 * first time is the news.
 */
export const TARGET_OUTCOMES: readonly TargetOutcome[] = Object.values(TargetOutcome);

/** Whether `raw` is an outcome. */
export function isTargetOutcome(raw: string): raw is TargetOutcome {
  return (TARGET_OUTCOMES as readonly string[]).includes(raw);
}

/** Whether the node has said, or had said for it, how its share ended. */
export function isTargetEnded(outcome: TargetOutcome): boolean {
  return outcome !== TargetOutcome.Pending;
}

/** What a report says of a node: its outcome, on which try, and the facts that go with it. */
export interface TargetResult {
  readonly outcome: TargetOutcome;
  /** Number of the try, from 1; 0 before any. */
  readonly try: number;
  /** What was seen when the node was asked from outside after its delete; absent before. */
  readonly verification?: string | undefined;
  /** It was seen to serve what it was to delete: that stands, whatever else is said of the node. */
  readonly isConvicted?: boolean | undefined;
}

/**
 * Which of two results stands: the better outcome; of equal ones that of the later try, or what is newly
 * seen from outside; else the one that stands already. So a report told twice or in another order changes
 * nothing. Over all stands that a node was seen to serve what it was to delete.
 */
export function mergeTargetResult<T extends TargetResult>(standing: T, reported: T): T {
  if (standing.isConvicted === true) return standing;
  if (reported.isConvicted === true) return reported;
  if (standing.outcome === reported.outcome) {
    const isNewlySeen =
      reported.verification !== undefined && reported.verification !== standing.verification;
    return reported.try > standing.try || isNewlySeen ? reported : standing;
  }
  const rankOf = ({ outcome }: TargetResult): number => TARGET_OUTCOMES.indexOf(outcome);
  return rankOf(reported) > rankOf(standing) ? reported : standing;
}
