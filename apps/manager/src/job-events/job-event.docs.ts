/** What OpenAPI says of the events of jobs. */

import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ErrorDocs, IdDocs } from '../openapi/answer-docs.js';

const EVENTS =
  'id: 120.1\nevent: target-ended\ndata: {"node":"host:10.0.0.1-h1","outcome":"deleted"}\n\n';

/** `GET /jobs/:id/events`. */
export const JobEventDocs = (): MethodDecorator =>
  applyDecorators(
    ApiTags('jobs'),
    ApiOperation({
      operationId: 'followJob',
      summary: 'What happens to a job, as it happens (Server-Sent Events)',
      description:
        'First `snapshot`, the job as it stands, then each change; ends after `job-ended`. ' +
        'With `Last-Event-ID` it goes on after that event instead, over restarts too.',
    }),
    IdDocs(),
    ApiHeader({
      name: 'Last-Event-ID',
      required: false,
      schema: { type: 'string', example: '120.1' },
    }),
    ApiResponse({
      status: 200,
      description: 'Events, as long as the job runs.',
      content: { 'text/event-stream': { schema: { type: 'string', example: EVENTS } } },
    }),
    ApiResponse({ status: 204, description: 'The client knows the end of the job already.' }),
    ErrorDocs(404, 422, 429, 503),
  );
