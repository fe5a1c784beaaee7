/** The states of a task, as a scheduler shows them. */

/** Names as other daemons of this family show them. */
export const TaskState = {
  Pending: 'Pending',
  Running: 'Running',
  Succeeded: 'Succeeded',
  Failed: 'Failed',
  Leave: 'Leave',
} as const;

/** One of the states. */
export type TaskState = (typeof TaskState)[keyof typeof TaskState];

/** What moves a task from state to state. */
export type TaskEvent = 'download' | 'succeed' | 'fail' | 'leave';

const TRANSITIONS: Readonly<Record<TaskState, Readonly<Partial<Record<TaskEvent, TaskState>>>>> = {
  Pending: { download: 'Running', succeed: 'Succeeded', leave: 'Leave' },
  Running: { succeed: 'Succeeded', fail: 'Failed', leave: 'Leave' },
  Succeeded: { download: 'Running', succeed: 'Succeeded', leave: 'Leave' },
  Failed: { download: 'Running', succeed: 'Succeeded', leave: 'Leave' },
  Leave: { download: 'Running', succeed: 'Succeeded' },
};

/** The state after `event`, or undefined where the event means nothing in `state`. */
export function nextTaskState(state: TaskState, event: TaskEvent): TaskState | undefined {
  return TRANSITIONS[state][event];
}
