/** What an operator may order. The wire type is also the namespace of the job's provider. */
export const JobType = {
  DeleteTask: 'delete_task',
  GetTask: 'get_task',
  ListTasks: 'list_tasks',
} as const;
/** One of the types. */
export type JobType = (typeof JobType)[keyof typeof JobType];

/** All types, for start-up checks and validation. */
export const JOB_TYPES: readonly JobType[] = Object.values(JobType);

/** Whether `raw` is a type that jobs may have. */
export function isJobType(raw: string): raw is JobType {
  return (JOB_TYPES as readonly string[]).includes(raw);
}
