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
import { LedgerReader, type SeedPeerRecord } from '../ledger/index.js';
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
import { seedPeerView, stateOf } from './cluster-views.js';
import { FleetItemDocs, FleetListDocs, FleetRemoveDocs, FleetWriteDocs } from './fleet.docs.js';
import { pageOf } from './in-memory-page.js';
import { InstanceStore } from './instance-store.js';

const TEXT_FILTERS = ['host_name', 'type', 'idc', 'location', 'ip'] as const;
const FILTERS = [...TEXT_FILTERS, 'state', 'port', 'download_port', 'seed_peer_cluster_id'];
const FACTS = { idc: 'string', location: 'string', object_storage_port: 'integer' };
const PORT_BOUNDS = { min: 0, max: 65_535 };

/** Seed peers over REST; whether one is active is found out at each read. */
@Controller('api/v1/seed-peers')
export class SeedPeerController {
  constructor(
    private readonly reader: LedgerReader,
    private readonly clock: Clock,
    private readonly store: InstanceStore,
  ) {}

  @Get()
  @FleetListDocs('listSeedPeers', 'Seed peers', FILTERS)
  async list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const page = pageParameters(query);
    const matches = seedPeerFilter(query);
    const clusterId = numberParameter(query, 'seed_peer_cluster_id', ID_BOUNDS);
    const all = await this.reader.listSeedPeers(
      this.clock.nowMs(),
      clusterId === undefined ? {} : { clusterId },
    );
    const { items, totalCount } = pageOf(all.filter(matches), page);
    response.setHeader('Link', linkHeader(request, page, totalCount));
    return this.views(items);
  }

  @Post()
  @HttpCode(200)
  @FleetWriteDocs('createSeedPeer', 'A seed peer that is to come', {
    body: {
      ...{ host_name: 'string!', type: 'string!', ip: 'string!', port: 'integer!' },
      ...{ download_port: 'integer!', seed_peer_cluster_id: 'integer!', ...FACTS },
    },
  })
  async create(
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    return this.view(await this.store.createSeedPeer(body, response));
  }

  @Get(':id')
  @FleetItemDocs('getSeedPeer', 'One seed peer')
  async get(@Param('id', IdPipe) seedPeerId: number): Promise<Json> {
    return this.view(await this.store.requireSeedPeer(seedPeerId));
  }

  @Patch(':id')
  @FleetWriteDocs('updateSeedPeer', 'Change a seed peer; what is not said stays', {
    hasId: true,
    body: {
      ...{ type: 'string', ip: 'string', port: 'integer', download_port: 'integer' },
      ...{ seed_peer_cluster_id: 'integer', ...FACTS },
    },
  })
  async update(
    @Param('id', IdPipe) seedPeerId: number,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    return this.view(await this.store.updateSeedPeer(seedPeerId, body, response));
  }

  @Delete(':id')
  @FleetRemoveDocs('deleteSeedPeer', 'Remove a seed peer that is not active')
  async remove(@Param('id', IdPipe) seedPeerId: number): Promise<void> {
    await this.store.removeSeedPeer(seedPeerId);
  }

  private async view(seedPeer: SeedPeerRecord): Promise<Json> {
    const clusters = await this.reader.listSeedPeerClusters();
    return seedPeerView(
      seedPeer,
      clusters.find(({ id }) => id === seedPeer.clusterId),
    );
  }

  private async views(seedPeers: readonly SeedPeerRecord[]): Promise<Json[]> {
    const clusters = new Map(
      (await this.reader.listSeedPeerClusters()).map((one) => [one.id, one]),
    );
    return seedPeers.map((seedPeer) => seedPeerView(seedPeer, clusters.get(seedPeer.clusterId)));
  }
}

function seedPeerFilter(query: Query): (seedPeer: SeedPeerRecord) => boolean {
  const state = choiceParameter(query, 'state', ['active', 'inactive']);
  const wanted = {
    hostName: textParameter(query, 'host_name'),
    type: textParameter(query, 'type'),
    idc: textParameter(query, 'idc'),
    location: textParameter(query, 'location'),
    ip: textParameter(query, 'ip'),
    port: numberParameter(query, 'port', PORT_BOUNDS),
    downloadPort: numberParameter(query, 'download_port', PORT_BOUNDS),
  };
  return (seedPeer) =>
    (state === undefined || stateOf(seedPeer) === state) &&
    Object.entries(wanted).every(
      ([key, value]) => value === undefined || seedPeer[key as keyof typeof wanted] === value,
    );
}
