import { randomUUID } from 'node:crypto';
import { type Clock, type Faults, InvariantError, NotFoundError } from '@pondhawk/core';
import type { JobDetail, LedgerReader, LedgerWriter } from '../ledger/index.js';
import type { ManagerMetrics } from '../process-wide/manager-metrics.js';
import type { CreateJobRequest } from './create-job-request.js';

/** What accepting needs. */
export interface JobAcceptanceOptions {
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly metrics: ManagerMetrics;
}

/**
 * Accepts jobs. Once the ledger has committed one, it is carried out whatever happens to this
 * process: the message to the schedulers lies in the outbox, written by the same commit.
 */
export class JobAcceptance {
  constructor(private readonly options: JobAcceptanceOptions) {}

  /**
   * @returns the job as it was accepted.
   * @throws NotFoundError (`CLUSTER_NOT_FOUND`) for a cluster that does not exist.
   */
  async accept(request: CreateJobRequest): Promise<JobDetail> {
    const { writer, reader, clock, faults, metrics } = this.options;
    const { type, bio, userId, clusterIds, args, orderArgs, spec } = request;
    const { jobId } = await writer.execute('accept-job', {
      atMs: clock.nowMs(),
      uuid: randomUUID(),
      ...{ type, bio, userId, args, orderArgs, spec },
      ...(clusterIds === undefined ? {} : { clusterIds }),
    });
    faults.reach('manager.job.committed');
    metrics.jobsAccepted.increment({ type });
    const detail = await reader.findJob(jobId);
    if (detail === undefined) {
      throw new InvariantError('JOB_LOST', `Job ${jobId} was committed and cannot be read.`);
    }
    return detail;
  }
}

/** @throws NotFoundError (`JOB_NOT_FOUND`) if there is none. */
export function requireJob<T>(job: T | undefined, jobId: number): T {
  if (job === undefined) {
    throw new NotFoundError('JOB_NOT_FOUND', `There is no job ${jobId}.`, {
      details: { id: jobId },
    });
  }
  return job;
}
