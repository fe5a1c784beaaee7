import { NotFoundError, assert } from '@pondhawk/core';
import type { Request, Response } from 'express';
import {
  type LedgerReader,
  type LedgerWriter,
  type ClusterRecord,
  type SeedPeerClusterRecord,
} from '../ledger/index.js';
import { type ProcessEdge } from '../process-wide/process-edge.js';
import { linkHeader } from '../rest-edge/link-header.js';
import { pageParameters, textParameter, type Query } from '../rest-edge/query-parameters.js';
import { warnOfStripped } from '../rest-edge/warning-header.js';
import {
  completeFacts,
  parseCluster,
  parseSeedPeerCluster,
  withoutAbsent,
  type SettingNames,
} from './cluster-requests.js';
import { pageOf } from './in-memory-page.js';

/** A request and its answer, which gets the `Link` and `Warning` headers. */
export interface Exchange {
  readonly request: Request;
  readonly response: Response;
}

/** Clusters of both kinds, as three routes read and write them. */
export class ClusterStore {
  constructor(
    private readonly reader: LedgerReader,
    private readonly writer: LedgerWriter,
    private readonly edge: ProcessEdge,
  ) {}

  /** @throws NotFoundError (`CLUSTER_NOT_FOUND`). */
  async require(clusterId: number): Promise<ClusterRecord> {
    return required(await this.reader.findCluster(clusterId), clusterId);
  }

  async create(
    body: unknown,
    options: { readonly names: SettingNames; readonly hasOwnSeeds: boolean },
    response: Response,
  ): Promise<ClusterRecord> {
    const { name, facts, seedPeerClusterId, strippedFields } = parseCluster(body, options.names);
    const { id } = await this.writer.execute('create-cluster', {
      ...completeFacts(facts),
      atMs: this.edge.clock.nowMs(),
      name: given(name),
      seedPeerClusterId: options.hasOwnSeeds ? 'new' : (seedPeerClusterId ?? 0),
    });
    warnOfStripped(response, strippedFields);
    return this.require(id);
  }

  async update(
    clusterId: number,
    body: unknown,
    { names, response }: { readonly names: SettingNames; readonly response: Response },
  ): Promise<ClusterRecord> {
    const request = parseCluster(body, names, await this.require(clusterId));
    const { name, facts, seedPeerClusterId, strippedFields } = request;
    await this.writer.execute('update-cluster', {
      atMs: this.edge.clock.nowMs(),
      clusterId,
      changes: { ...facts, ...withoutAbsent({ name, seedPeerClusterId }) },
    });
    warnOfStripped(response, strippedFields);
    return this.require(clusterId);
  }

  async remove(clusterId: number, withSeedPeerCluster: boolean): Promise<void> {
    const atMs = this.edge.clock.nowMs();
    await this.writer.execute('delete-cluster', { atMs, clusterId, withSeedPeerCluster });
  }

  async list(query: Query, exchange: Exchange): Promise<readonly ClusterRecord[]> {
    return pageByName(await this.reader.listClusters(), query, exchange);
  }

  async listSeeds(query: Query, exchange: Exchange): Promise<readonly SeedPeerClusterRecord[]> {
    return pageByName(await this.reader.listSeedPeerClusters(), query, exchange);
  }

  /** All of them, for views of clusters that name theirs. */
  allSeeds(): Promise<readonly SeedPeerClusterRecord[]> {
    return this.reader.listSeedPeerClusters();
  }

  /** All of them, for views of seed peer clusters that name who uses them. */
  all(): Promise<readonly ClusterRecord[]> {
    return this.reader.listClusters();
  }

  /** @throws NotFoundError (`CLUSTER_NOT_FOUND`). */
  async requireSeeds(clusterId: number): Promise<SeedPeerClusterRecord> {
    const all = await this.reader.listSeedPeerClusters();
    return required(
      all.find(({ id }) => id === clusterId),
      clusterId,
      'seed peer cluster',
    );
  }

  async createSeeds(body: unknown, response: Response): Promise<SeedPeerClusterRecord> {
    const { name, bio = '', config, strippedFields } = parseSeedPeerCluster(body);
    const { id } = await this.writer.execute('create-seed-peer-cluster', {
      atMs: this.edge.clock.nowMs(),
      name: given(name),
      bio,
      config: given(config),
    });
    warnOfStripped(response, strippedFields);
    return this.requireSeeds(id);
  }

  async updateSeeds(
    clusterId: number,
    body: unknown,
    response: Response,
  ): Promise<SeedPeerClusterRecord> {
    const present = await this.requireSeeds(clusterId);
    const { name, bio, config, strippedFields } = parseSeedPeerCluster(body, present.config);
    await this.writer.execute('update-seed-peer-cluster', {
      atMs: this.edge.clock.nowMs(),
      clusterId,
      changes: withoutAbsent({ name, bio, config }),
    });
    warnOfStripped(response, strippedFields);
    return this.requireSeeds(clusterId);
  }

  async removeSeeds(clusterId: number): Promise<void> {
    const atMs = this.edge.clock.nowMs();
    await this.writer.execute('delete-seed-peer-cluster', { atMs, clusterId });
  }

  /** Has a scheduler cluster use the seed peers of this one, and its settings. */
  async link(clusterId: number, schedulerClusterId: number): Promise<void> {
    const { config } = await this.requireSeeds(clusterId);
    await this.writer.execute('update-cluster', {
      atMs: this.edge.clock.nowMs(),
      clusterId: schedulerClusterId,
      changes: { seedPeerClusterId: clusterId, seedClientConfig: config },
    });
  }
}

/** What the parser does not let a new row be without. */
function given<T>(value: T | undefined): T {
  assert(value !== undefined, 'A new cluster was parsed without a required field.');
  return value;
}

function required<T>(row: T | undefined, id: number, what = 'cluster'): T {
  if (row !== undefined) return row;
  throw new NotFoundError('CLUSTER_NOT_FOUND', `There is no ${what} ${id}.`, { details: { id } });
}

function pageByName<T extends { readonly name: string }>(
  all: readonly T[],
  query: Query,
  { request, response }: Exchange,
): readonly T[] {
  const page = pageParameters(query);
  const name = textParameter(query, 'name');
  const wanted = all.filter((one) => name === undefined || one.name === name);
  const { items, totalCount } = pageOf(wanted, page);
  response.setHeader('Link', linkHeader(request, page, totalCount));
  return items;
}
