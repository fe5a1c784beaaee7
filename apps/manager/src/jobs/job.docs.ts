/** What OpenAPI says of the job routes. */

import { applyDecorators } from '@nestjs/common';
import {
  ApiBody,
  ApiHeader,
  ApiOperation,
  ApiParam,
  ApiProperty,
  ApiPropertyOptional,
  ApiQuery,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import { OPERATION_SPEC_RULES } from '@pondhawk/core';
import { GC_KINDS, JOB_TYPES, TARGET_OUTCOMES } from '@pondhawk/jobs';
import { ErrorDocs, IdDocs, PageDocs } from '../openapi/answer-docs.js';
import { listOf, refTo } from '../openapi/schema-parts.js';
import { IMAGE_DISTRIBUTION } from './distribution-request.js';
import { IDEMPOTENCY_KEY_LENGTH_MAX } from './idempotency-key.js';
import { PreheatArgsBody } from './preheat.docs.js';
import { PIECE_LENGTH_BOUNDS } from './task-name.js';

const { min, max, default: fallback } = OPERATION_SPEC_RULES.parallelism;

/** Arguments of a job. */
export class JobArgsBody extends PreheatArgsBody {
  @ApiPropertyOptional({ description: 'Names the task; wins over the other two names.' })
  readonly url?: string;

  @ApiPropertyOptional({ description: 'A text whose sha256 is the task id.' })
  readonly content_for_calculating_task_id?: string;

  @ApiPropertyOptional({ pattern: '^[0-9a-f]{64}$' })
  readonly task_id?: string;

  @ApiPropertyOptional()
  readonly tag?: string;

  @ApiPropertyOptional()
  readonly application?: string;

  @ApiPropertyOptional({ description: 'Query keys that do not count, joined by "&".' })
  readonly filtered_query_params?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: PIECE_LENGTH_BOUNDS.min,
    maximum: PIECE_LENGTH_BOUNDS.max,
    description: 'Bytes.',
  })
  readonly piece_length?: number;

  @ApiPropertyOptional({
    oneOf: [{ type: 'integer' }, { type: 'string' }],
    description: 'Whole nanoseconds, or a text like "90s" or "1h30m"; 1 ms to 7 days, else 1 h.',
  })
  readonly timeout?: number | string;

  @ApiPropertyOptional({ type: 'integer', minimum: min, maximum: max, default: fallback })
  readonly parallelism?: number;

  @ApiPropertyOptional({ type: 'integer', minimum: min, maximum: max })
  readonly concurrent_peer_count?: number;

  @ApiPropertyOptional({ enum: ['CONTINUE', 'STOP'], default: 'CONTINUE' })
  readonly failure_strategy?: string;

  @ApiPropertyOptional({
    default: false,
    description:
      'delete_task only: asks who holds the task and how much of it, and deletes nothing.',
  })
  readonly dry_run?: boolean;

  @ApiPropertyOptional({
    default: false,
    description:
      'delete_task only: afterwards asks every host that answered for the bytes, as a stranger would; who still serves them has failed. Not with dry_run.',
  })
  readonly verify?: boolean;

  @ApiPropertyOptional({
    enum: [...GC_KINDS, 'file'],
    description: 'gc and preheat only, and required there: what is removed; what is fetched.',
  })
  readonly type?: string;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, description: 'list_tasks only.' })
  readonly page?: number;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, description: 'list_tasks only.' })
  readonly per_page?: number;
}

/** A job to create. */
export class CreateJobBody {
  @ApiProperty({
    enum: [...JOB_TYPES, IMAGE_DISTRIBUTION],
    description: `${IMAGE_DISTRIBUTION} is a question that is answered at once, and in no batch.`,
  })
  readonly type!: string;

  @ApiPropertyOptional()
  readonly bio?: string;

  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  readonly user_id?: number;

  @ApiPropertyOptional({
    type: 'array',
    items: { type: 'integer', minimum: 0 },
    description: 'Absent or empty: all clusters.',
  })
  readonly scheduler_cluster_ids?: readonly number[];

  @ApiPropertyOptional({ type: JobArgsBody })
  readonly args?: JobArgsBody;
}

/** The header `Idempotency-Key`. */
export const IdempotencyKeyDocs = (): MethodDecorator =>
  ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    schema: { type: 'string', minLength: 1, maxLength: IDEMPOTENCY_KEY_LENGTH_MAX },
    description: 'For 24 h the same key and body give the same job; another body is 409.',
  });

/** `POST /jobs`. */
export const CreateJobDocs = (): MethodDecorator =>
  applyDecorators(
    ApiTags('jobs'),
    ApiOperation({
      operationId: 'createJob',
      summary: 'Order something of all hosts',
      description:
        'Answers as soon as the order is durable; a gc and a sync_peers are waited for up to 10 s. Unknown fields are ignored; a Warning header names them.',
    }),
    IdempotencyKeyDocs(),
    ApiBody({ type: CreateJobBody }),
    ApiResponse({
      status: 200,
      description: `The job; of ${IMAGE_DISTRIBUTION} who holds what.`,
      schema: { oneOf: [refTo('Job'), refTo('ImageDistribution')] },
    }),
    ErrorDocs(400, 404, 409, 413, 415, 422, 429, 503),
  );

/** `GET /jobs`. */
export const ListJobsDocs = (): MethodDecorator =>
  applyDecorators(
    ApiTags('jobs'),
    ApiOperation({ operationId: 'listJobs', summary: 'Jobs, newest first' }),
    ApiQuery({ name: 'type', required: false, schema: { type: 'string' } }),
    ApiQuery({
      name: 'state',
      required: false,
      schema: { type: 'string', enum: ['PENDING', 'SUCCESS', 'FAILURE'] },
    }),
    ApiQuery({ name: 'user_id', required: false, schema: { type: 'integer', minimum: 0 } }),
    PageDocs(),
    ApiResponse({ status: 200, schema: listOf('Job') }),
    ErrorDocs(422),
  );

/** `GET /jobs/:id`. */
export const GetJobDocs = (): MethodDecorator =>
  applyDecorators(
    ApiTags('jobs'),
    ApiOperation({
      operationId: 'getJob',
      summary: 'One job',
      description:
        'An unfinished job younger than 2 s is waited for up to 1 s; `wait` says otherwise.',
    }),
    IdDocs(),
    ApiQuery({
      name: 'wait',
      required: false,
      schema: { type: 'string' },
      description: '"0", or how long to wait for the end, like "30s", at most that.',
    }),
    ApiResponse({ status: 200, schema: refTo('Job') }),
    ErrorDocs(404, 422),
  );

/** `GET /jobs/:id/targets`. */
export const ListTargetsDocs = (): MethodDecorator =>
  applyDecorators(
    ApiTags('jobs'),
    ApiOperation({ operationId: 'listTargets', summary: 'What became of a job host by host' }),
    IdDocs(),
    ApiQuery({
      name: 'outcome',
      required: false,
      schema: { type: 'string', enum: [...TARGET_OUTCOMES] },
    }),
    PageDocs(),
    ApiResponse({ status: 200, schema: listOf('Target') }),
    ErrorDocs(404, 422),
  );

/** `DELETE /jobs/:id`. */
export const DeleteJobDocs = (): MethodDecorator =>
  applyDecorators(
    ApiTags('jobs'),
    ApiOperation({ operationId: 'deleteJob', summary: 'Forget a job that has ended' }),
    ApiParam({ name: 'id', schema: { type: 'integer', minimum: 0 } }),
    ApiResponse({ status: 200, description: 'Empty body.' }),
    ErrorDocs(404, 409, 422),
  );
