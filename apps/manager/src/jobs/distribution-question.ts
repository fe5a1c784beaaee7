import { UnavailableError } from '@pondhawk/core';
import { taskIdOfUrl } from '@pondhawk/pieces';
import type { ImageResolver, ResolvedImage } from '../images/image-resolver.js';
import { type BlobTask, imageDistribution } from '../images/image-distribution.js';
import type { Json } from '../job-views/index.js';
import type { LedgerReader } from '../ledger/index.js';
import type { DistributionRequest } from './distribution-request.js';
import { type JobAcceptance, requireJob } from './job-acceptance.js';
import { type JobEndWaiter, WAIT_MS_MAX } from './job-end-waiter.js';

/** What the question is put together from. */
export interface DistributionParts {
  readonly resolver: ImageResolver;
  readonly acceptance: JobAcceptance;
  readonly waiter: JobEndWaiter;
  readonly reader: LedgerReader;
}

/** Answers which hosts hold which blobs of an image: by one `list_tasks` for all blobs, not one job a blob. */
export class DistributionQuestion {
  constructor(private readonly parts: DistributionParts) {}

  /**
   * Asks the registry, then all hosts, and waits for these at most `WAIT_MS_MAX`; what has not come by
   * then is not in the answer, whose `state` is then PENDING: `GET /jobs/<job_id>` has it later.
   *
   * @throws what `ImageResolver.resolve` and `JobAcceptance.accept` do.
   */
  async ask(request: DistributionRequest, signal: AbortSignal): Promise<Json> {
    const { acceptance, waiter, reader } = this.parts;
    const { blobs } = await this.resolve(request, signal);
    const tasks = blobs.map((blob): BlobTask => {
      return { ...blob, taskId: taskIdOfUrl({ url: blob.url, ...request.naming }) };
    });
    const { orderArgs, ...job } = request.job;
    const taskIds = [...new Set(tasks.map(({ taskId }) => taskId))];
    const { jobId } = await acceptance.order({
      ...job,
      orderArgs: { ...orderArgs, task_ids: taskIds },
    });
    await waiter.waitForEnd({ jobId, waitMs: WAIT_MS_MAX, signal });
    const detail = requireJob(await reader.findJob(jobId), jobId);
    const { entries, totalCount, isCut } = detail.listed;
    const silent = detail.targets.filter(({ outcome }) => /^(failed|skipped)$/.test(outcome));
    return {
      ...imageDistribution(tasks, { entries, silent }),
      job_id: jobId,
      state: detail.job.state,
      outcome: detail.job.outcome ?? '',
      truncated: isCut || totalCount > entries.length,
    };
  }

  private async resolve(
    { image }: DistributionRequest,
    signal: AbortSignal,
  ): Promise<ResolvedImage> {
    try {
      return await this.parts.resolver.resolve({ ...image, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      const left = 'The caller left before the answer.';
      throw new UnavailableError('CALL_CANCELLED', left, { cause: error });
    }
  }
}
