import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query as QueryString,
  Req,
  Res,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Json } from '../job-views/index.js';
import type { ClusterRecord } from '../ledger/index.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import type { Query } from '../rest-edge/query-parameters.js';
import { SCHEDULER_CLUSTER_NAMES } from './cluster-requests.js';
import { ClusterStore } from './cluster-store.js';
import { schedulerClusterView } from './cluster-views.js';
import {
  FleetItemDocs,
  FleetListDocs,
  FleetRemoveDocs,
  FleetWriteDocs,
  NEW_SCHEDULER_CLUSTER_BODY,
  SCHEDULER_CLUSTER_BODY,
} from './fleet.docs.js';
import { InstanceStore } from './instance-store.js';

/** Scheduler clusters over REST. */
@Controller('api/v1/scheduler-clusters')
export class SchedulerClusterController {
  constructor(
    private readonly store: ClusterStore,
    private readonly instances: InstanceStore,
  ) {}

  @Get()
  @FleetListDocs('listSchedulerClusters', 'Scheduler clusters', ['name'])
  async list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const seeds = await this.store.allSeeds();
    const clusters = await this.store.list(query, { request, response });
    return clusters.map((cluster) => schedulerClusterView(cluster, seeds));
  }

  @Post()
  @HttpCode(200)
  @FleetWriteDocs('createSchedulerCluster', 'A new scheduler cluster', {
    body: NEW_SCHEDULER_CLUSTER_BODY,
  })
  async create(
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const options = { names: SCHEDULER_CLUSTER_NAMES, hasOwnSeeds: false };
    return this.view(await this.store.create(body, options, response));
  }

  @Get(':id')
  @FleetItemDocs('getSchedulerCluster', 'One scheduler cluster')
  async get(@Param('id', IdPipe) clusterId: number): Promise<Json> {
    return this.view(await this.store.require(clusterId));
  }

  @Patch(':id')
  @FleetWriteDocs('updateSchedulerCluster', 'Change a scheduler cluster; what is not said stays', {
    hasId: true,
    body: { name: 'string', ...SCHEDULER_CLUSTER_BODY },
  })
  async update(
    @Param('id', IdPipe) clusterId: number,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const options = { names: SCHEDULER_CLUSTER_NAMES, response };
    return this.view(await this.store.update(clusterId, body, options));
  }

  @Put(':id/schedulers/:scheduler_id')
  @FleetRemoveDocs('moveScheduler', 'Move a scheduler that has not run yet', 'scheduler_id')
  async move(
    @Param('id', IdPipe) clusterId: number,
    @Param('scheduler_id', IdPipe) schedulerId: number,
  ): Promise<void> {
    await this.instances.moveScheduler(schedulerId, clusterId);
  }

  @Delete(':id')
  @FleetRemoveDocs('deleteSchedulerCluster', 'Remove a scheduler cluster that nothing belongs to')
  async remove(@Param('id', IdPipe) clusterId: number): Promise<void> {
    await this.store.remove(clusterId, false);
  }

  private async view(cluster: ClusterRecord): Promise<Json> {
    return schedulerClusterView(cluster, await this.store.allSeeds());
  }
}
