import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  Query as QueryString,
  Req,
  Res,
} from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import type { Request, Response } from 'express';
import { peerView, type Json } from '../job-views/index.js';
import { LedgerReader, type PeerRecord } from '../ledger/index.js';
import { ID_BOUNDS } from '../rest-edge/field-reader.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { linkHeader } from '../rest-edge/link-header.js';
import {
  PER_PAGE_MAX,
  choiceParameter,
  numberParameter,
  pageParameters,
  textParameter,
  type Query,
} from '../rest-edge/query-parameters.js';
import { FleetItemDocs, FleetListDocs, FleetRemoveDocs, FleetWriteDocs } from './fleet.docs.js';
import { HostStandings } from './host-standings.js';
import { pageOf } from './in-memory-page.js';
import { InstanceStore } from './instance-store.js';

const TEXT_FILTERS = [
  'host_name',
  'type',
  'idc',
  'location',
  'ip',
  'os',
  'platform',
  'platform_family',
  'platform_version',
  'kernel_version',
  'git_version',
  'git_commit',
  'build_platform',
] as const;

/** Hosts over REST. */
@Controller('api/v1/peers')
export class PeerController {
  constructor(
    private readonly reader: LedgerReader,
    private readonly clock: Clock,
    private readonly store: InstanceStore,
    private readonly standings: HostStandings,
  ) {}

  @Get()
  @FleetListDocs('listPeers', 'Hosts', [...TEXT_FILTERS, 'state', 'scheduler_cluster_id'])
  async list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const page = pageParameters(query);
    const clusterId = numberParameter(query, 'scheduler_cluster_id', ID_BOUNDS);
    const matches = peerFilter(query);
    const { items: peers } = await this.reader.listPeers(
      this.clock.nowMs(),
      clusterId === undefined ? {} : { clusterId },
      { page: 1, perPage: PER_PAGE_MAX },
    );
    const { items, totalCount } = pageOf(peers.filter(matches), page);
    const clusters = await this.reader.listClusters();
    const names = new Map(clusters.map(({ id, name }) => [id, name]));
    response.setHeader('Link', linkHeader(request, page, totalCount));
    const standings = await this.standings.of(items);
    return items.map((peer, index) => ({
      ...peerView(peer, { id: peer.clusterId, name: names.get(peer.clusterId) ?? '' }),
      ...standings[index],
    }));
  }

  @Post()
  @HttpCode(200)
  @FleetWriteDocs('createPeer', 'A host that is to come', {
    body: {
      ...Object.fromEntries(TEXT_FILTERS.map((field) => [field, 'string'])),
      ...{ host_name: 'string!', ip: 'string!', port: 'integer!', download_port: 'integer!' },
      scheduler_cluster_id: 'integer!',
    },
  })
  async create(
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    return this.view(await this.store.createHost(body, response));
  }

  @Get(':id')
  @FleetItemDocs('getPeer', 'One host')
  async get(@Param('id', IdPipe) hostRowId: number): Promise<Json> {
    return this.view(await this.store.requireHost(hostRowId));
  }

  @Delete(':id')
  @FleetRemoveDocs('deletePeer', 'Forget a host that purges need not account for')
  async remove(@Param('id', IdPipe) hostRowId: number): Promise<void> {
    await this.store.removeHost(hostRowId);
  }

  private async view(peer: PeerRecord): Promise<Json> {
    const cluster = await this.reader.findCluster(peer.clusterId);
    const [standing] = await this.standings.of([peer]);
    return { ...peerView(peer, { id: peer.clusterId, name: cluster?.name ?? '' }), ...standing };
  }
}

function peerFilter(query: Query): (peer: PeerRecord) => boolean {
  const state = choiceParameter(query, 'state', ['active', 'inactive']);
  const wanted = TEXT_FILTERS.map((key) => [key, textParameter(query, key)] as const);
  return (peer) =>
    (state === undefined || peer.state === state) &&
    wanted.every(([key, value]) => value === undefined || peer.host[key] === value);
}
