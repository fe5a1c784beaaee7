/** Jobs by the manager's REST API, as any client asks for them. */

import { eventually, headersFor, type ManagerAccess } from '@pondhawk/testing';

/** A job as far as the bench looks. */
export interface BenchJob {
  readonly id: number;
  readonly state: string;
  readonly result: {
    readonly counts: {
      readonly targets: number;
      readonly pending: number;
      readonly deleted: number;
      readonly absent: number;
    };
    readonly success_peers?: readonly { readonly outcome?: string }[];
  };
}

const JOB_TIMEOUT_MS = 60_000;
/** A hundred thousand, each of which waits half a minute for a scheduler and then takes two milliseconds. */
const ALL_JOBS_TIMEOUT_MS = 600_000;

/** Creates a job and waits for its end. @throws Error unless it ends SUCCESS within a minute. */
export async function runJob(manager: ManagerAccess, body: object): Promise<BenchJob> {
  return whenEnded(manager, await createJob(manager, body));
}

/** A delete of a task that nobody holds. */
export function deleteBody(index: number): object {
  return { type: 'delete_task', args: { task_id: String(index).padStart(64, '0') } };
}

/** Creates a job. */
export async function createJob(manager: ManagerAccess, body: object): Promise<BenchJob> {
  return askFor<BenchJob>(manager, '', body);
}

/** A job as it stands. */
export async function readJob(manager: ManagerAccess, jobId: number): Promise<BenchJob> {
  return askFor<BenchJob>(manager, `/${jobId}?wait=0`);
}

/** Creates many jobs at once. @throws Error unless each is accepted. */
export async function postBatch(manager: ManagerAccess, jobs: readonly object[]): Promise<void> {
  const lines = await askFor<{ readonly status: number }[]>(manager, '/batch', { jobs });
  const accepted = lines.filter(({ status }) => status === 200).length;
  if (accepted !== jobs.length) throw new Error(`${accepted} of ${jobs.length} were accepted.`);
}

/** Cancels a job. */
export async function cancelJob(manager: ManagerAccess, jobId: number): Promise<void> {
  await askFor(manager, `/${jobId}/cancel`, {});
}

/** Waits until no job is under way. */
export async function whenAllEnded(manager: ManagerAccess): Promise<void> {
  await eventually(
    async () => {
      const jobs = await askFor<BenchJob[]>(manager, '?state=PENDING&per_page=1');
      if (jobs.length > 0) throw new Error(`Job ${jobs[0]?.id} has not ended.`);
    },
    { timeoutMs: ALL_JOBS_TIMEOUT_MS, intervalMs: 1_000 },
  );
}

/** One page of jobs. @throws Error unless it is full. */
export async function readPage(
  manager: ManagerAccess,
  { page, perPage }: { readonly page: number; readonly perPage: number },
): Promise<void> {
  const jobs = await askFor<BenchJob[]>(manager, `?page=${page}&per_page=${perPage}`);
  if (jobs.length !== perPage) throw new Error(`${jobs.length} of ${perPage} jobs are listed.`);
}

/** Waits for a job's end. @throws Error unless it ends SUCCESS within a minute. */
export async function whenEnded(manager: ManagerAccess, created: BenchJob): Promise<BenchJob> {
  let job = created;
  const deadline = performance.now() + JOB_TIMEOUT_MS;
  while (job.state === 'PENDING' && performance.now() < deadline) {
    job = await askFor<BenchJob>(manager, `/${job.id}?wait=10s`);
  }
  if (job.state !== 'SUCCESS')
    throw new Error(`Job ${job.id} is ${job.state}: ${JSON.stringify(job.result).slice(0, 500)}`);
  return job;
}

/** Deletes a task everywhere. @throws Error unless just `holders` hosts deleted a copy. */
export async function deleteByJob(
  manager: ManagerAccess,
  taskId: string,
  holders: number,
): Promise<void> {
  const job = await runJob(manager, { type: 'delete_task', args: { task_id: taskId } });
  const deleted = (job.result.success_peers ?? []).filter((p) => p.outcome === 'deleted').length;
  if (deleted !== holders)
    throw new Error(`Job ${job.id}: ${deleted} of ${holders} hosts deleted their copy.`);
}

/** How many hosts a job asks at the moment. */
export async function countHosts(manager: ManagerAccess): Promise<number> {
  const job = await runJob(manager, { type: 'get_task', args: { task_id: '0'.repeat(64) } });
  return job.result.counts.targets;
}

/** Waits until no job is under way. @throws Error after a minute. */
export async function whenNoJobRuns(manager: ManagerAccess): Promise<void> {
  await eventually(
    async () => {
      const pending = await askFor<BenchJob[]>(manager, '?state=PENDING&per_page=1');
      return pending.length === 0;
    },
    { timeoutMs: JOB_TIMEOUT_MS, intervalMs: 10 },
  );
}

/** @param body makes it a POST. */
async function askFor<T>(manager: ManagerAccess, path: string, body?: object): Promise<T> {
  const url = `${manager.url}/api/v1/jobs${path}`;
  const headers = headersFor(manager);
  const response = await fetch(
    url,
    body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) },
  );
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`);
  return JSON.parse(text) as T;
}
