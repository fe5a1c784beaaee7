import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Post,
  Query as QueryString,
  Req,
  Res,
} from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import type { Request, Response } from 'express';
import type { Json } from '../job-views/index.js';
import { LedgerReader, type SchedulerRecord } from '../ledger/index.js';
import { ID_BOUNDS } from '../rest-edge/field-reader.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { linkHeader } from '../rest-edge/link-header.js';
import {
  choiceParameter,
  numberParameter,
  pageParameters,
  textParameter,
  type Query,
} from '../rest-edge/query-parameters.js';
import { schedulerView, stateOf } from './cluster-views.js';
import { FleetItemDocs, FleetListDocs, FleetRemoveDocs, FleetWriteDocs } from './fleet.docs.js';
import { pageOf } from './in-memory-page.js';
import { InstanceStore } from './instance-store.js';

const FILTERS = ['host_name', 'idc', 'location', 'ip', 'state', 'scheduler_cluster_id'];
const FACTS = { config: 'object', idc: 'string', location: 'string', features: 'array' };

/** Schedulers over REST; whether one is active is found out at each read. */
@Controller('api/v1/schedulers')
export class SchedulerController {
  constructor(
    private readonly reader: LedgerReader,
    private readonly clock: Clock,
    private readonly store: InstanceStore,
  ) {}

  @Get()
  @FleetListDocs('listSchedulers', 'Schedulers', FILTERS)
  async list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const page = pageParameters(query);
    const clusterId = numberParameter(query, 'scheduler_cluster_id', ID_BOUNDS);
    const matches = schedulerFilter(query);
    const schedulers = await this.reader.listSchedulers(
      this.clock.nowMs(),
      clusterId === undefined ? {} : { clusterId },
    );
    const { items, totalCount } = pageOf(schedulers.filter(matches), page);
    response.setHeader('Link', linkHeader(request, page, totalCount));
    return this.views(items);
  }

  @Post()
  @HttpCode(200)
  @FleetWriteDocs('createScheduler', 'A scheduler that is to come', {
    body: {
      ...{ host_name: 'string!', ip: 'string!', port: 'integer!' },
      ...{ scheduler_cluster_id: 'integer!', ...FACTS },
    },
  })
  async create(
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    return this.view(await this.store.createScheduler(body, response));
  }

  @Get(':id')
  @FleetItemDocs('getScheduler', 'One scheduler')
  async get(@Param('id', IdPipe) schedulerId: number): Promise<Json> {
    return this.view(await this.store.requireScheduler(schedulerId));
  }

  @Patch(':id')
  @FleetWriteDocs('updateScheduler', 'Change a scheduler; what is not said stays', {
    hasId: true,
    body: { ip: 'string', port: 'integer', scheduler_cluster_id: 'integer', ...FACTS },
  })
  async update(
    @Param('id', IdPipe) schedulerId: number,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    return this.view(await this.store.updateScheduler(schedulerId, body, response));
  }

  @Delete(':id')
  @FleetRemoveDocs('deleteScheduler', 'Remove a scheduler that is not active')
  async remove(@Param('id', IdPipe) schedulerId: number): Promise<void> {
    await this.store.removeScheduler(schedulerId);
  }

  private async view(scheduler: SchedulerRecord): Promise<Json> {
    return schedulerView(scheduler, await this.reader.findCluster(scheduler.clusterId));
  }

  private async views(schedulers: readonly SchedulerRecord[]): Promise<Json[]> {
    const clusters = new Map((await this.reader.listClusters()).map((one) => [one.id, one]));
    return schedulers.map((scheduler) =>
      schedulerView(scheduler, clusters.get(scheduler.clusterId)),
    );
  }
}

function schedulerFilter(query: Query): (scheduler: SchedulerRecord) => boolean {
  const state = choiceParameter(query, 'state', ['active', 'inactive']);
  const texts = {
    hostName: textParameter(query, 'host_name'),
    idc: textParameter(query, 'idc'),
    location: textParameter(query, 'location'),
    ip: textParameter(query, 'ip'),
  };
  return (scheduler) =>
    (state === undefined || stateOf(scheduler) === state) &&
    Object.entries(texts).every(
      ([key, wanted]) => wanted === undefined || scheduler[key as keyof typeof texts] === wanted,
    );
}
