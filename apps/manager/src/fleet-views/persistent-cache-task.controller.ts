import { Controller, Get, Query as QueryString, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Json } from '../job-views/index.js';
import { ID_BOUNDS, invalidField } from '../rest-edge/field-reader.js';
import { linkHeader } from '../rest-edge/link-header.js';
import { numberParameter, pageParameters, type Query } from '../rest-edge/query-parameters.js';
import { FleetListDocs } from './fleet.docs.js';

/** Persistent cache tasks over REST: there are none, which clients are told in the shape they know. */
@Controller('api/v1/persistent-cache-tasks')
export class PersistentCacheTaskController {
  @Get()
  @FleetListDocs('listPersistentCacheTasks', 'Persistent cache tasks: always none', [
    'scheduler_cluster_id',
  ])
  list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Json[] {
    const page = pageParameters(query);
    if (numberParameter(query, 'scheduler_cluster_id', ID_BOUNDS) === undefined) {
      throw invalidField('scheduler_cluster_id', 'must be given');
    }
    response.setHeader('Link', linkHeader(request, page, 0));
    return [];
  }
}
