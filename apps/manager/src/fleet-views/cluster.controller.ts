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
import type { Request, Response } from 'express';
import type { Json } from '../job-views/index.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import type { Query } from '../rest-edge/query-parameters.js';
import { CLUSTER_NAMES } from './cluster-requests.js';
import { ClusterStore } from './cluster-store.js';
import { clusterView } from './cluster-views.js';
import {
  CLUSTER_BODY,
  FleetItemDocs,
  FleetListDocs,
  FleetRemoveDocs,
  FleetWriteDocs,
  NEW_CLUSTER_BODY,
} from './fleet.docs.js';

/** A scheduler cluster and the seed peer cluster of the same name as one, over REST. */
@Controller('api/v1/clusters')
export class ClusterController {
  constructor(private readonly store: ClusterStore) {}

  @Get()
  @FleetListDocs('listClusters', 'Clusters: schedulers and seed peers of one name', ['name'])
  async list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    return (await this.store.list(query, { request, response })).map(clusterView);
  }

  @Post()
  @HttpCode(200)
  @FleetWriteDocs('createCluster', 'A new cluster, with a seed peer cluster of its name', {
    body: NEW_CLUSTER_BODY,
  })
  async create(
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const options = { names: CLUSTER_NAMES, hasOwnSeeds: true };
    return clusterView(await this.store.create(body, options, response));
  }

  @Get(':id')
  @FleetItemDocs('getCluster', 'One cluster')
  async get(@Param('id', IdPipe) clusterId: number): Promise<Json> {
    return clusterView(await this.store.require(clusterId));
  }

  @Patch(':id')
  @FleetWriteDocs('updateCluster', 'Change a cluster; what is not said stays', {
    hasId: true,
    body: { name: 'string', ...CLUSTER_BODY },
  })
  async update(
    @Param('id', IdPipe) clusterId: number,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const options = { names: CLUSTER_NAMES, response };
    return clusterView(await this.store.update(clusterId, body, options));
  }

  @Delete(':id')
  @FleetRemoveDocs('deleteCluster', 'Remove a cluster that nothing belongs to')
  async remove(@Param('id', IdPipe) clusterId: number): Promise<void> {
    await this.store.remove(clusterId, true);
  }
}
