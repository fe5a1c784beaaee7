/** What an order may ask of a scheduler. */

/** Every type that this version carries out. */
export const ORDER_TYPES = [
  'delete_task',
  'get_task',
  'list_tasks',
  'preheat',
  'sync_peers',
] as const;
export type OrderType = (typeof ORDER_TYPES)[number];

/** Type of the message that a job has been cancelled, for each scheduler that has an order of it. */
export const CANCEL_TYPE = 'cancel';
/** What a message to a scheduler may be. */
export type JobMessageType = OrderType | typeof CANCEL_TYPE;
/** Code of an order that nobody had begun when its job was cancelled, and of the hosts that were spared. */
export const CANCELLED = 'CANCELLED';

/** Code of a host whose id another daemon than the one that is meant answers for (R10). */
export const OTHER_DAEMON = 'OTHER_DAEMON';

/** How a target stands in a report: `pending` says that the host is accounted for and not done. */
export const REPORTED_OUTCOMES = [
  'pending',
  'deleted',
  'absent',
  'failed',
  'skipped',
  'answered',
  'already_here',
  'preheated',
] as const;
export type ReportedOutcome = (typeof REPORTED_OUTCOMES)[number];

/** Code of a preheat for which the cluster has no host. */
export const NO_HOST_MATCHES = 'NO_HOST_MATCHES';

/** Code of a host that answered `list_tasks` and holds more than the report lists; its message says how many. */
export const LIST_TRUNCATED = 'LIST_TRUNCATED';

/**
 * What a host did when it was asked from outside for what it was to delete: nothing came; a copy came that
 * was begun after the purge; what was purged came; or nothing could be said.
 */
export const VERIFICATION_STATES = ['passed', 'newer_copy', 'failed', 'unreachable'] as const;
export type VerificationState = (typeof VERIFICATION_STATES)[number];
/** Code of a host that said it holds the task no more, and served it. */
export const STILL_SERVES = 'STILL_SERVES';

/** Most tasks that a `list_tasks` may name: as many as a host lists. */
export const LISTED_TASK_IDS_MAX = 1_000;

/** Format that this version writes, and the newest it reads. */
export const PAYLOAD_FORMAT = 1;
/** Most tasks of one preheat: the blobs of the largest image that is read (500 layers and a config). */
export const PREHEAT_TASKS_MAX = 501;
/** Most targets in one report. */
export const TARGETS_PER_REPORT_MAX = 500;
/** Most schedulers that an order may name. */
export const SCHEDULERS_PER_ORDER_MAX = 1000;
