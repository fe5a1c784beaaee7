import type { ManagerClient } from '../manager/manager-client.js';
import { readJob, type JobRecord } from './job-record.js';
import type { JobBody } from './job-request.js';

/** Jobs that the manager takes in one request. */
const BATCH_LINES_MAX = 1_000;

/** A job that the manager did not take. */
export interface RefusedJob {
  readonly code: string;
  readonly message: string;
  /** What was asked for. */
  readonly body: JobBody;
}

/**
 * Orders jobs: one by itself, several in batches, each line of which is accepted or refused by itself. An
 * answer that is lost is asked for again under the same key.
 *
 * @throws CliError for what the manager says of one job, or of a batch as a whole.
 */
export async function createJobs(
  manager: ManagerClient,
  bodies: readonly JobBody[],
): Promise<{ readonly jobs: readonly JobRecord[]; readonly refused: readonly RefusedJob[] }> {
  const [single, ...others] = bodies;
  if (single !== undefined && others.length === 0) {
    const job = await manager.order((api, header) =>
      api.POST('/api/v1/jobs', { body: single, params: { header } }),
    );
    return { jobs: [readJob(job)], refused: [] };
  }
  const jobs: JobRecord[] = [];
  const refused: RefusedJob[] = [];
  for (let start = 0; start < bodies.length; start += BATCH_LINES_MAX) {
    const part = bodies.slice(start, start + BATCH_LINES_MAX);
    const lines = await manager.order((api, header) =>
      api.POST('/api/v1/jobs/batch', { body: { jobs: part }, params: { header } }),
    );
    part.forEach((body, index) => {
      const line = lines[index];
      const error = line?.error;
      if (error !== undefined) refused.push({ ...error, body });
      else jobs.push(readJob({ ...body, ...line }));
    });
  }
  return { jobs, refused };
}
