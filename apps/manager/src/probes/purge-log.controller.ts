import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Clock } from '@pondhawk/core';
import { LedgerWriter } from '../ledger/index.js';
import { ErrorDocs } from '../openapi/answer-docs.js';

/** What an operator says of purge logs. */
@Controller('api/v1/purge-log')
@ApiTags('probes')
export class PurgeLogController {
  constructor(
    private readonly writer: LedgerWriter,
    private readonly clock: Clock,
  ) {}

  @Post('acknowledge')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'acknowledgePurgeLog',
    summary: 'Somebody has read why purge logs got a new epoch; readyz stops to tell it',
  })
  @ApiResponse({ status: 200, schema: { type: 'object', additionalProperties: true } })
  @ErrorDocs(503)
  async acknowledge(): Promise<{ readonly status: string }> {
    await this.writer.execute('acknowledge-purge-log', { atMs: this.clock.nowMs() });
    return { status: 'ok' };
  }
}
