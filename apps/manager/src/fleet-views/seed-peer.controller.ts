import { Controller, Get, Param, Query as QueryString, Req, Res } from '@nestjs/common';
import { Clock, NotFoundError } from '@pondhawk/core';
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
import { FleetItemDocs, FleetListDocs } from './fleet.docs.js';
import { pageOf } from './in-memory-page.js';

const TEXT_FILTERS = ['host_name', 'type', 'idc', 'location', 'ip'] as const;
const FILTERS = [...TEXT_FILTERS, 'state', 'port', 'download_port', 'seed_peer_cluster_id'];
const PORT_BOUNDS = { min: 0, max: 65_535 };

/** Seed peers over REST; whether one is active is found out at each read. */
@Controller('api/v1/seed-peers')
export class SeedPeerController {
  constructor(
    private readonly reader: LedgerReader,
    private readonly clock: Clock,
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

  @Get(':id')
  @FleetItemDocs('getSeedPeer', 'One seed peer')
  async get(@Param('id', IdPipe) seedPeerId: number): Promise<Json> {
    const all = await this.reader.listSeedPeers(this.clock.nowMs());
    const [view] = await this.views(all.filter(({ id }) => id === seedPeerId));
    if (view !== undefined) return view;
    throw new NotFoundError('SEED_PEER_NOT_FOUND', `There is no seed peer ${seedPeerId}.`, {
      details: { id: seedPeerId },
    });
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
