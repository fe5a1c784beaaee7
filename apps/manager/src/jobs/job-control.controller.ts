import { Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { Request } from 'express';
import { noteSelector } from '../identity/audit-recorder.js';
import { jobView, type Json } from '../job-views/index.js';
import { LedgerReader, LedgerWriter } from '../ledger/index.js';
import { ProcessEdge } from '../process-wide/process-edge.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { requireJob } from './job-acceptance.js';
import { CancelJobDocs } from './job-control.docs.js';

/** What may be done to a job that is there. */
@Controller('api/v1/jobs')
export class JobControlController {
  constructor(
    private readonly reader: LedgerReader,
    private readonly writer: LedgerWriter,
    private readonly edge: ProcessEdge,
  ) {}

  @Post(':id/cancel')
  @HttpCode(200)
  @CancelJobDocs()
  async cancel(@Param('id', IdPipe) jobId: number, @Req() request: Request): Promise<Json> {
    noteSelector(request, `id=${jobId}`);
    await this.writer.execute('cancel-job', { atMs: this.edge.clock.nowMs(), jobId });
    this.edge.faults.reach('manager.job.cancel-committed');
    return jobView(requireJob(await this.reader.findJob(jobId), jobId));
  }
}
