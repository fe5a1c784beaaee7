import { Controller, Get, Param, Query as QueryString, Req, Res } from '@nestjs/common';
import { parseTaskId } from '@pondhawk/core';
import type { Request, Response } from 'express';
import { timeView, type Json } from '../job-views/index.js';
import { LedgerReader, type LoggedPurgeRecord } from '../ledger/index.js';
import { invalidField } from '../rest-edge/field-reader.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { linkHeader } from '../rest-edge/link-header.js';
import { pageParameters, textParameter, type Query } from '../rest-edge/query-parameters.js';
import { ClusterStore } from './cluster-store.js';
import { PurgeLogDocs } from './fleet.docs.js';

/** What was purged in a cluster, by whom and when, over REST. */
@Controller('api/v1/clusters')
export class PurgeLogController {
  constructor(
    private readonly reader: LedgerReader,
    private readonly clusters: ClusterStore,
  ) {}

  @Get(':id/purge-log')
  @PurgeLogDocs()
  async list(
    @Param('id', IdPipe) clusterId: number,
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const page = pageParameters(query);
    const taskId = taskParameter(query);
    await this.clusters.require(clusterId);
    const filter = taskId === undefined ? {} : { taskId };
    const { items, totalCount } = await this.reader.listPurgeLog(clusterId, filter, page);
    response.setHeader('Link', linkHeader(request, page, totalCount));
    return items.map(purgeView);
  }
}

/** @throws InvalidArgumentError (`INVALID_FIELD`). */
function taskParameter(query: Query): string | undefined {
  const value = textParameter(query, 'task_id');
  try {
    return value === undefined ? undefined : parseTaskId(value);
  } catch {
    throw invalidField('task_id', 'must be 64 hex digits in lower case');
  }
}

function purgeView(entry: LoggedPurgeRecord): Json {
  return {
    seq: entry.seq,
    log_epoch: entry.epoch,
    scheduler_cluster_id: entry.clusterId,
    task_id: entry.taskId,
    job_id: entry.jobId,
    user_id: entry.userId,
    user_name: entry.userName,
    created_at: timeView(entry.atMs),
  };
}
