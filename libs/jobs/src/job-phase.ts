/** How far a job has come: in the ledger, first report in, ended for good. */
export const JobPhase = { Accepted: 'accepted', Running: 'running', Ended: 'ended' } as const;
/** One of the phases. */
export type JobPhase = (typeof JobPhase)[keyof typeof JobPhase];

/** What moves a job on: a report of one of its orders, or its end. */
export type JobEvent = 'report' | 'end';

const TRANSITIONS: Record<JobPhase, Record<JobEvent, JobPhase>> = {
  accepted: { report: 'running', end: 'ended' },
  running: { report: 'running', end: 'ended' },
  // Final: a late report may arrive at any time and changes nothing.
  ended: { report: 'ended', end: 'ended' },
};

/** The phase after an event. */
export function nextJobPhase(phase: JobPhase, event: JobEvent): JobPhase {
  return TRANSITIONS[phase][event];
}

/** Whether nothing changes the job any more. */
export function isJobEnded(phase: JobPhase): boolean {
  return phase === JobPhase.Ended;
}
