import {
  Controller,
  Delete,
  Get,
  Query as QueryString,
  Req,
  Res,
  applyDecorators,
} from '@nestjs/common';
import { ApiOperation, ApiParam, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { NotFoundError } from '@pondhawk/core';
import type { Request, Response } from 'express';
import type { Json } from '../job-views/index.js';
import { ErrorDocs } from '../openapi/answer-docs.js';
import { ID_BOUNDS, invalidField } from '../rest-edge/field-reader.js';
import { linkHeader } from '../rest-edge/link-header.js';
import { numberParameter, pageParameters, type Query } from '../rest-edge/query-parameters.js';
import { FleetListDocs } from './fleet.docs.js';

const OneTaskDocs = (operationId: string, summary: string): MethodDecorator =>
  applyDecorators(
    ApiTags('fleet'),
    ApiOperation({ operationId, summary }),
    ApiParam({ name: 'id', schema: { type: 'string' } }),
    ApiQuery({ name: 'scheduler_cluster_id', schema: { type: 'integer', minimum: 0 } }),
    ErrorDocs(404, 422),
  );

/** Persistent cache tasks over REST: there are none, which clients are told in the shape they know. */
@Controller('api/v1/persistent-cache-tasks')
export class PersistentCacheTaskController {
  @Get()
  @ApiResponse({ status: 200, schema: { type: 'array', items: {}, maxItems: 0, example: [] } })
  @FleetListDocs('listPersistentCacheTasks', 'Persistent cache tasks: always none', [
    'scheduler_cluster_id',
  ])
  list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Json[] {
    const page = pageParameters(query);
    requireCluster(query);
    response.setHeader('Link', linkHeader(request, page, 0));
    return [];
  }

  @Get(':id')
  @OneTaskDocs('getPersistentCacheTask', 'One persistent cache task: there is none')
  get(@QueryString() query: Query): never {
    requireCluster(query);
    throw absent();
  }

  @Delete(':id')
  @OneTaskDocs('deletePersistentCacheTask', 'Remove a persistent cache task: there is none')
  remove(@QueryString() query: Query): never {
    requireCluster(query);
    throw absent();
  }
}

function requireCluster(query: Query): void {
  if (numberParameter(query, 'scheduler_cluster_id', ID_BOUNDS) === undefined) {
    throw invalidField('scheduler_cluster_id', 'must be given');
  }
}

function absent(): NotFoundError {
  return new NotFoundError(
    'PERSISTENT_CACHE_TASK_NOT_FOUND',
    'There is no persistent cache task of this id.',
  );
}
