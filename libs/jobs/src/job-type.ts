/** What an operator may order. The wire type is also the namespace of the job's provider. */
export const JobType = {
  DeleteTask: 'delete_task',
  GetTask: 'get_task',
  ListTasks: 'list_tasks',
  Gc: 'gc',
  Preheat: 'preheat',
  SyncPeers: 'sync_peers',
} as const;
/** One of the types. */
export type JobType = (typeof JobType)[keyof typeof JobType];

/** All types, for start-up checks and validation. */
export const JOB_TYPES: readonly JobType[] = Object.values(JobType);

/** Whether a job is a question: some answers are worth something although others are missing. */
export function isQuestion(type: JobType): boolean {
  return type === JobType.GetTask || type === JobType.ListTasks;
}

/** Whether the manager carries it out by itself: it belongs to no cluster, and has no orders and no targets. */
export function isManagersOwn(type: JobType): boolean {
  return type === JobType.Gc;
}

/** Whether its targets are hosts: of `sync_peers` they are schedulers, and `gc` has none. */
export function asksHosts(type: JobType): boolean {
  return !isManagersOwn(type) && type !== JobType.SyncPeers;
}

/** Whether `raw` is a type that jobs may have. */
export function isJobType(raw: string): raw is JobType {
  return (JOB_TYPES as readonly string[]).includes(raw);
}

/** What a `gc` may remove. */
export const GC_KINDS = ['job', 'audit'] as const;
/** One of them. */
export type GcKind = (typeof GC_KINDS)[number];
