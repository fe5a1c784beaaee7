import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ErrorDocs } from '../openapi/answer-docs.js';
import { SCHEDULER_FEATURES } from './instance-requests.js';

/** Names of features over REST. */
@Controller('api/v1/scheduler-features')
export class SchedulerFeatureController {
  @Get()
  @ApiTags('fleet')
  @ApiOperation({
    operationId: 'listSchedulerFeatures',
    summary: 'What a scheduler can be for',
  })
  @ApiResponse({
    status: 200,
    schema: { type: 'array', items: { type: 'string' }, example: [...SCHEDULER_FEATURES] },
  })
  @ErrorDocs(503)
  list(): readonly string[] {
    return SCHEDULER_FEATURES;
  }
}
