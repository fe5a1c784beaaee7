import { createHmac, randomUUID } from 'node:crypto';
import { type Clock, type Faults, NotFoundError } from '@pondhawk/core';
import { JobType } from '@pondhawk/jobs';
import type {
  AcceptJob,
  AcceptedJob,
  IdempotencyKey,
  IdentityReader,
  JobDetail,
  LedgerReader,
  LedgerWriter,
} from '../ledger/index.js';
import type { ManagerMetrics } from '../process-wide/manager-metrics.js';
import { invalidField } from '../rest-edge/field-reader.js';
import type { RetentionAges } from '../retention/retention-ages.js';
import type { CreateJobRequest } from './create-job-request.js';
import type { JobRateLimits } from './job-rate-limits.js';
import type { PreheatPlanner } from './preheat-planner.js';

const NANOSECONDS_PER_MS = 1_000_000;

/** What accepting needs. */
export interface JobAcceptanceOptions {
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter;
  readonly identity: IdentityReader;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly metrics: ManagerMetrics;
  readonly limits: JobRateLimits;
  /** How long ended jobs and audits are kept now. */
  readonly loadAges: () => Promise<RetentionAges>;
  readonly planner: PreheatPlanner;
  /** 32 bytes: seals what of jobs may be secret. */
  readonly sealKey: Buffer;
}

/**
 * Accepts jobs. Once the ledger has committed one, it is carried out whatever happens to this
 * process: the message to the schedulers lies in the outbox, written by the same commit.
 */
export class JobAcceptance {
  constructor(private readonly options: JobAcceptanceOptions) {}

  /**
   * The user a job is ordered for: the named one, or for 0 the caller.
   *
   * @throws InvalidArgumentError (`INVALID_FIELD`) for one that does not exist.
   */
  async requireOwner(named: number, caller: number): Promise<number> {
    if (named === 0 || named === caller) return caller;
    if ((await this.options.identity.findUser(named)) !== undefined) return named;
    throw invalidField('user_id', 'must be the id of a user, or 0 for yourself');
  }

  /** Counts one job in the clusters it is for. @throws ResourceExhaustedError (`JOB_RATE_LIMITED`). */
  requireRoom(clusterIds: readonly number[] | undefined): Promise<void> {
    return this.options.limits.take(clusterIds);
  }

  /**
   * @param idempotency with a key that came before, the job of that time is answered.
   * @throws NotFoundError (`CLUSTER_NOT_FOUND`) for a cluster that does not exist; (`JOB_NOT_FOUND`) if
   *   the job of the key was forgotten since.
   * @throws ConflictError (`IDEMPOTENCY_KEY_REUSED`) if the key stands for another request.
   */
  async accept(
    request: CreateJobRequest,
    idempotency?: IdempotencyKey,
  ): Promise<{ readonly job: JobDetail; readonly isRepeated: boolean }> {
    const { jobId, isRepeated, detail } = await this.order(request, idempotency);
    const job = detail ?? (await this.options.reader.findJob(jobId));
    return { job: requireJob(job, jobId), isRepeated };
  }

  /**
   * As `accept`, for who needs no more than the job's number; `detail` is absent when it is repeated.
   *
   * @throws NotFoundError (`CLUSTER_NOT_FOUND`).
   * @throws ConflictError (`IDEMPOTENCY_KEY_REUSED`).
   */
  async order(
    request: CreateJobRequest,
    idempotency?: IdempotencyKey,
  ): Promise<Pick<AcceptedJob, 'jobId' | 'isRepeated' | 'detail'>> {
    const { writer, clock, faults, metrics } = this.options;
    const { isDryRun, bio, userId, clusterIds, spec } = request;
    const key = this.sealedKey(request, idempotency);
    const repeatedJobId = await this.findRepeated(request, key);
    if (repeatedJobId !== undefined) return { jobId: repeatedJobId, isRepeated: true };
    const plain = await this.withAges(request);
    const asked = { ...plain, ...(await this.planOf(request, plain.args)) };
    // What a dry run asks is the question of a get_task, so that no purge can come of it.
    const type = isDryRun ? JobType.GetTask : request.type;
    const accepted = await writer.execute('accept-job', {
      atMs: clock.nowMs(),
      uuid: randomUUID(),
      ...{ type, isDryRun, bio, userId, spec },
      ...asked,
      ...(clusterIds === undefined ? {} : { clusterIds }),
      idempotency: key,
    });
    faults.reach('manager.job.committed');
    if (!accepted.isRepeated) metrics.jobsAccepted.increment({ type });
    return accepted;
  }

  /** A clean-up is told, and shows, from which age on things go: as it is when it is accepted. */
  private async withAges({
    args,
    orderArgs: { gc, ...orderArgs },
  }: CreateJobRequest): Promise<Pick<AcceptJob, 'args' | 'orderArgs'>> {
    if (gc === undefined) return { args, orderArgs };
    const { jobAgeMsMax, auditAgeMsMax } = await this.options.loadAges();
    const ageMsMax = gc.kind === 'job' ? jobAgeMsMax : auditAgeMsMax;
    return {
      args: { ...args, ttl: ageMsMax * NANOSECONDS_PER_MS },
      orderArgs: { gc: { ...gc, ageMsMax } },
    };
  }

  /** A registry that was asked once is not asked again; the ledger looks once more as it accepts. */
  private async findRepeated(
    { preheat, userId }: CreateJobRequest,
    idempotency: IdempotencyKey | undefined,
  ): Promise<number | undefined> {
    const { reader, clock } = this.options;
    if (preheat?.plan.image === undefined || idempotency === undefined) return undefined;
    return reader.findRepeatedJobId({ atMs: clock.nowMs(), userId, idempotency });
  }

  private async planOf(
    { preheat }: CreateJobRequest,
    shown: AcceptJob['args'],
  ): Promise<Partial<Pick<AcceptJob, 'args' | 'orderArgs' | 'sealed'>>> {
    return preheat === undefined ? {} : this.options.planner.plan(preheat, shown);
  }

  /** The hash of what is asked for stands for secrets too: without the key nobody can try them out on it. */
  private sealedKey(
    { preheat }: CreateJobRequest,
    key: IdempotencyKey | undefined,
  ): IdempotencyKey | undefined {
    if (preheat === undefined || key === undefined) return key;
    const requestHash = createHmac('sha256', this.options.sealKey)
      .update(key.requestHash)
      .digest('hex');
    return { ...key, requestHash };
  }

  /**
   * Tries again what an ended job left open, as a job of its own.
   *
   * @throws what `retry-job` refuses; ResourceExhaustedError (`JOB_RATE_LIMITED`).
   */
  async retry(
    formerJobId: number,
    caller: { readonly userId: number; readonly idempotency: IdempotencyKey | undefined },
  ): Promise<{ readonly job: JobDetail; readonly isRepeated: boolean }> {
    const { writer, reader, clock, faults, metrics } = this.options;
    const former = requireJob(await reader.findJob(formerJobId), formerJobId);
    await this.requireRoom(former.clusters.map(({ id }) => id));
    const { jobId, isRepeated } = await writer.execute('retry-job', {
      ...{ atMs: clock.nowMs(), jobId: formerJobId, uuid: randomUUID(), ...caller },
    });
    faults.reach('manager.job.committed');
    if (!isRepeated) metrics.jobsAccepted.increment({ type: former.job.type });
    return { job: requireJob(await reader.findJob(jobId), jobId), isRepeated };
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
