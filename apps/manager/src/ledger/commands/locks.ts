import type { CommandContext } from '../command-context.js';

/** Notes that a job works on a path, until it ends. Waits for nobody: whoever has to wait looks first. */
export async function takeLock(
  context: CommandContext,
  jobId: number,
  path: string,
): Promise<void> {
  await takeLocks(context, jobId, [path]);
}

/** As `takeLock`, for several paths; at least one. */
export async function takeLocks(
  { db, atMs }: CommandContext,
  jobId: number,
  paths: readonly string[],
): Promise<void> {
  const rows = paths.map((path) => ({ path, job_id: jobId, created_at_ms: atMs }));
  await db.insertInto('locks').values(rows).execute();
}
