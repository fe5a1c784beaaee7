import type { CommandContext } from '../command-context.js';

/** Notes that a job works on a path, until it ends. Waits for nobody: whoever has to wait looks first. */
export async function takeLock(
  { db, atMs }: CommandContext,
  jobId: number,
  path: string,
): Promise<void> {
  await db.insertInto('locks').values({ path, job_id: jobId, created_at_ms: atMs }).execute();
}
