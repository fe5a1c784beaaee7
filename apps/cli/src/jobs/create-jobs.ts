import { isRecord, type ManagerClient } from '../manager/manager-client.js';
import { readJob, type JobRecord } from './job-record.js';

/** Jobs that the manager takes in one request. */
const BATCH_LINES_MAX = 1_000;

/** A job that the manager did not take. */
export interface RefusedJob {
  readonly code: string;
  readonly message: string;
  /** What was asked for. */
  readonly body: object;
}

/**
 * Orders jobs: one by itself, several in batches, each line of which is accepted or refused by itself. An
 * answer that is lost is asked for again under the same key.
 *
 * @throws CliError for what the manager says of one job, or of a batch as a whole.
 */
export async function createJobs(
  manager: ManagerClient,
  bodies: readonly object[],
): Promise<{ readonly jobs: readonly JobRecord[]; readonly refused: readonly RefusedJob[] }> {
  const [single, ...others] = bodies;
  if (single !== undefined && others.length === 0) {
    return { jobs: [readJob(await manager.order('/jobs', single))], refused: [] };
  }
  const jobs: JobRecord[] = [];
  const refused: RefusedJob[] = [];
  for (let start = 0; start < bodies.length; start += BATCH_LINES_MAX) {
    const part = bodies.slice(start, start + BATCH_LINES_MAX);
    const answer = await manager.order('/jobs/batch', { jobs: part });
    const lines: readonly unknown[] = Array.isArray(answer) ? answer : [];
    part.forEach((body, index) => {
      const line = lines[index];
      const error = isRecord(line) ? line['error'] : undefined;
      if (isRecord(error)) refused.push({ ...refusalOf(error), body });
      else jobs.push(readJob(isRecord(line) ? { ...body, ...line } : line));
    });
  }
  return { jobs, refused };
}

function refusalOf(error: Readonly<Record<string, unknown>>): Omit<RefusedJob, 'body'> {
  const { code, message } = error;
  return {
    code: typeof code === 'string' ? code : 'REFUSED',
    message: typeof message === 'string' ? message : 'The manager refused a job.',
  };
}
