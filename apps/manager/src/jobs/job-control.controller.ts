import { Body, Controller, Headers, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { noteSelector } from '../identity/audit-recorder.js';
import { requireCaller } from '../identity/caller.js';
import { jobView, type Json } from '../job-views/index.js';
import { LedgerReader, LedgerWriter } from '../ledger/index.js';
import { ProcessEdge } from '../process-wide/process-edge.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { warnOfStripped } from '../rest-edge/warning-header.js';
import { parseKeyHeader, parseRetryKey } from './idempotency-key.js';
import { JobAcceptance, requireJob } from './job-acceptance.js';
import { JobBatch, parseBatch, type BatchLineAnswer } from './job-batch.js';
import { BatchDocs, CancelJobDocs, RetryJobDocs } from './job-control.docs.js';

/** What may be done to a job that is there. */
@Controller('api/v1/jobs')
export class JobControlController {
  constructor(
    private readonly reader: LedgerReader,
    private readonly writer: LedgerWriter,
    private readonly acceptance: JobAcceptance,
    private readonly batch: JobBatch,
    private readonly edge: ProcessEdge,
  ) {}

  @Post('batch')
  @HttpCode(200)
  @BatchDocs()
  async createMany(
    @Body() body: unknown,
    @Headers('idempotency-key') rawKey: string | undefined,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<readonly BatchLineAnswer[]> {
    const { lines, strippedFields } = parseBatch(body);
    noteSelector(request, `lines=${lines.length}`);
    const key = parseKeyHeader(rawKey);
    const userId = requireCaller(request).user.id;
    const { answers, ...accepted } = await this.batch.accept(lines, { request, userId, key });
    warnOfStripped(response, [...strippedFields, ...accepted.strippedFields]);
    return answers;
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @CancelJobDocs()
  async cancel(@Param('id', IdPipe) jobId: number, @Req() request: Request): Promise<Json> {
    noteSelector(request, `id=${jobId}`);
    await this.writer.execute('cancel-job', { atMs: this.edge.clock.nowMs(), jobId });
    this.edge.faults.reach('manager.job.cancel-committed');
    return jobView(requireJob(await this.reader.findJob(jobId), jobId));
  }

  @Post(':id/retry')
  @HttpCode(200)
  @RetryJobDocs()
  async retry(
    @Param('id', IdPipe) jobId: number,
    @Headers('idempotency-key') rawKey: string | undefined,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    noteSelector(request, `id=${jobId}`);
    const userId = requireCaller(request).user.id;
    const idempotency = parseRetryKey(rawKey, { jobId, userId });
    const { job, isRepeated } = await this.acceptance.retry(jobId, { userId, idempotency });
    if (isRepeated) response.setHeader('Idempotent-Replayed', 'true');
    return jobView(job);
  }
}
