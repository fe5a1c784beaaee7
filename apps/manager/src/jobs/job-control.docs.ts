/** What OpenAPI says of the routes that change a job. */

import { applyDecorators } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ErrorDocs, IdDocs } from '../openapi/answer-docs.js';
import { JobAnswer } from './job.docs.js';

/** `POST /jobs/:id/cancel`. */
export const CancelJobDocs = (): MethodDecorator =>
  applyDecorators(
    ApiTags('jobs'),
    ApiOperation({
      operationId: 'cancelJob',
      summary: 'Spare the hosts that have not been asked yet',
      description:
        'Hosts that are being asked are waited for. A purge stays in the purge log. Repeating it changes nothing.',
    }),
    IdDocs(),
    ApiResponse({ status: 200, type: JobAnswer }),
    ErrorDocs(404, 409, 422, 429, 503),
  );
