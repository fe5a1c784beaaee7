/** What OpenAPI says of the routes that change a job. */

import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ErrorDocs, IdDocs } from '../openapi/answer-docs.js';
import { listOf, refTo } from '../openapi/schema-parts.js';
import { BATCH_LINES_MAX } from './job-batch.js';
import { CreateJobBody, IdempotencyKeyDocs } from './job.docs.js';

/** Jobs to create. */
export class BatchBody {
  @ApiProperty({ type: [CreateJobBody], minItems: 1, maxItems: BATCH_LINES_MAX })
  readonly jobs!: readonly CreateJobBody[];
}

/** `POST /jobs/batch`. */
export const BatchDocs = (): MethodDecorator =>
  applyDecorators(
    ApiTags('jobs'),
    ApiOperation({
      operationId: 'createJobs',
      summary: 'Order many things, each by itself',
      description:
        'Each job is accepted or refused as it would be alone; a bad one stops no other. With the same Idempotency-Key the whole may be sent again.',
    }),
    IdempotencyKeyDocs(),
    ApiBody({ type: BatchBody }),
    ApiResponse({ status: 200, schema: listOf('BatchLine') }),
    ErrorDocs(400, 413, 415, 422, 429, 503),
  );

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
    ApiResponse({ status: 200, schema: refTo('Job') }),
    ErrorDocs(404, 409, 422, 429, 503),
  );

/** `POST /jobs/:id/retry`. */
export const RetryJobDocs = (): MethodDecorator =>
  applyDecorators(
    ApiTags('jobs'),
    ApiOperation({
      operationId: 'retryJob',
      summary: 'Try again what did not end well',
      description:
        'A new job over the hosts that failed or were skipped; of a delete under the same numbers of the purge logs.',
    }),
    IdDocs(),
    IdempotencyKeyDocs(),
    ApiResponse({ status: 200, schema: refTo('Job') }),
    ErrorDocs(404, 409, 422, 429, 503),
  );
