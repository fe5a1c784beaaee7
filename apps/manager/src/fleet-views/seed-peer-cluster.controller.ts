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
import { IdPipe } from '../rest-edge/id.pipe.js';
import type { Query } from '../rest-edge/query-parameters.js';
import { ClusterStore } from './cluster-store.js';
import { seedPeerClusterView } from './cluster-views.js';
import { FleetItemDocs, FleetListDocs, FleetRemoveDocs, FleetWriteDocs } from './fleet.docs.js';
import { InstanceStore } from './instance-store.js';

/** Seed peer clusters over REST. */
@Controller('api/v1/seed-peer-clusters')
export class SeedPeerClusterController {
  constructor(
    private readonly store: ClusterStore,
    private readonly instances: InstanceStore,
  ) {}

  @Get()
  @FleetListDocs('listSeedPeerClusters', 'Seed peer clusters', ['name'])
  async list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const users = await this.store.all();
    const clusters = await this.store.listSeeds(query, { request, response });
    return clusters.map((cluster) => seedPeerClusterView(cluster, users));
  }

  @Post()
  @HttpCode(200)
  @FleetWriteDocs('createSeedPeerCluster', 'A new seed peer cluster', {
    body: { name: 'string!', bio: 'string', config: 'object!' },
  })
  async create(
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    return seedPeerClusterView(await this.store.createSeeds(body, response), []);
  }

  @Get(':id')
  @FleetItemDocs('getSeedPeerCluster', 'One seed peer cluster')
  async get(@Param('id', IdPipe) clusterId: number): Promise<Json> {
    return seedPeerClusterView(await this.store.requireSeeds(clusterId), await this.store.all());
  }

  @Patch(':id')
  @FleetWriteDocs('updateSeedPeerCluster', 'Change a seed peer cluster; what is not said stays', {
    hasId: true,
    body: { name: 'string', bio: 'string', config: 'object' },
  })
  async update(
    @Param('id', IdPipe) clusterId: number,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const cluster = await this.store.updateSeeds(clusterId, body, response);
    return seedPeerClusterView(cluster, await this.store.all());
  }

  @Put(':id/scheduler-clusters/:scheduler_cluster_id')
  @FleetRemoveDocs(
    'linkSchedulerCluster',
    'Have a scheduler cluster use these seed peers',
    'scheduler_cluster_id',
  )
  async link(
    @Param('id', IdPipe) clusterId: number,
    @Param('scheduler_cluster_id', IdPipe) schedulerClusterId: number,
  ): Promise<void> {
    await this.store.link(clusterId, schedulerClusterId);
  }

  @Put(':id/seed-peers/:seed_peer_id')
  @FleetRemoveDocs('moveSeedPeer', 'Move a seed peer that is not active', 'seed_peer_id')
  async move(
    @Param('id', IdPipe) clusterId: number,
    @Param('seed_peer_id', IdPipe) seedPeerId: number,
  ): Promise<void> {
    await this.instances.moveSeedPeer(seedPeerId, clusterId);
  }

  @Delete(':id')
  @FleetRemoveDocs('deleteSeedPeerCluster', 'Remove a seed peer cluster that nothing belongs to')
  async remove(@Param('id', IdPipe) clusterId: number): Promise<void> {
    await this.store.removeSeeds(clusterId);
  }
}
