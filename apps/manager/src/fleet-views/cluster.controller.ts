import { Controller, Get, Param, Query as QueryString, Req, Res } from '@nestjs/common';
import { NotFoundError } from '@pondhawk/core';
import type { Request, Response } from 'express';
import type { Json } from '../job-views/index.js';
import { LedgerReader, type ClusterRecord } from '../ledger/index.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { linkHeader } from '../rest-edge/link-header.js';
import { pageParameters, textParameter, type Query } from '../rest-edge/query-parameters.js';
import { clusterView, schedulerClusterView } from './cluster-views.js';
import { FleetItemDocs, FleetListDocs } from './fleet.docs.js';
import { pageOf } from './in-memory-page.js';

/** Clusters over REST, in the two shapes that clients know. */
@Controller('api/v1')
export class ClusterController {
  constructor(private readonly reader: LedgerReader) {}

  @Get('scheduler-clusters')
  @FleetListDocs('listSchedulerClusters', 'Scheduler clusters', ['name'])
  async listSchedulerClusters(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    return (await this.list(query, { request, response })).map(schedulerClusterView);
  }

  @Get('scheduler-clusters/:id')
  @FleetItemDocs('getSchedulerCluster', 'One scheduler cluster')
  async getSchedulerCluster(@Param('id', IdPipe) clusterId: number): Promise<Json> {
    return schedulerClusterView(await this.require(clusterId));
  }

  @Get('clusters')
  @FleetListDocs('listClusters', 'Clusters: schedulers and seed peers of one name', ['name'])
  async listClusters(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    return (await this.list(query, { request, response })).map(clusterView);
  }

  @Get('clusters/:id')
  @FleetItemDocs('getCluster', 'One cluster')
  async getCluster(@Param('id', IdPipe) clusterId: number): Promise<Json> {
    return clusterView(await this.require(clusterId));
  }

  private async list(
    query: Query,
    { request, response }: { readonly request: Request; readonly response: Response },
  ): Promise<readonly ClusterRecord[]> {
    const page = pageParameters(query);
    const name = textParameter(query, 'name');
    const clusters = await this.reader.listClusters();
    const wanted = clusters.filter((cluster) => name === undefined || cluster.name === name);
    const { items, totalCount } = pageOf(wanted, page);
    response.setHeader('Link', linkHeader(request, page, totalCount));
    return items;
  }

  private async require(clusterId: number): Promise<ClusterRecord> {
    const cluster = await this.reader.findCluster(clusterId);
    if (cluster !== undefined) return cluster;
    throw new NotFoundError('CLUSTER_NOT_FOUND', `There is no cluster ${clusterId}.`, {
      details: { id: clusterId },
    });
  }
}
