import { type Empty, managerV2 } from '@pondhawk/contracts';
import { type Clock, NotFoundError } from '@pondhawk/core';
import type { CallContext, ServiceHandlers } from '@pondhawk/rpc';
import type {
  ClusterRecord,
  LedgerReader,
  LedgerWriter,
  SchedulerRecord,
  SeedPeerRecord,
} from '../ledger/index.js';
import { toLedgerId, toSchedulerMessage, toSeedPeerMessage } from './cluster-messages.js';
import {
  keepAliveIntervalOf,
  parseFeatures,
  parseInstanceName,
  parsePlace,
  parsePort,
} from './instance-facts.js';

/** What registration needs. */
export interface ManagerServiceOptions {
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter;
  readonly clock: Clock;
  /** Interval of keepalives where a daemon does not say its own. */
  readonly keepAliveIntervalMs: number;
}

type Handlers = ServiceHandlers<typeof managerV2.ManagerService>;

/**
 * `manager.v2`: daemons register and keep themselves alive, peers learn of their schedulers.
 *
 * Nothing is remembered of a stream: each message is one keepalive in the ledger, and whether an
 * instance is active is computed from the newest one at each read. So the end of a stream, of
 * whichever of two, changes nothing, and silence alone makes an instance inactive.
 */
export class ManagerService implements Handlers {
  constructor(private readonly options: ManagerServiceOptions) {}

  async updateScheduler(request: managerV2.UpdateSchedulerRequest): Promise<managerV2.Scheduler> {
    const { clock, writer } = this.options;
    const { id } = await writer.execute('upsert-scheduler', {
      atMs: clock.nowMs(),
      ...parseInstanceName(request),
      clusterId: toLedgerId(request.schedulerClusterId, 'scheduler_cluster_id'),
      port: parsePort(request.port, 'port'),
      idc: parsePlace(request.idc, 'idc'),
      location: parsePlace(request.location, 'location'),
      features: parseFeatures(request.features),
      keepAliveIntervalMs: keepAliveIntervalOf(request.config, this.options.keepAliveIntervalMs),
    });
    return this.schedulerMessage((scheduler) => scheduler.id === id);
  }

  getScheduler(request: managerV2.GetSchedulerRequest): Promise<managerV2.Scheduler> {
    const { hostName, ip } = parseInstanceName(request);
    const clusterId = toLedgerId(request.schedulerClusterId, 'scheduler_cluster_id');
    return this.schedulerMessage(
      (one) => one.clusterId === clusterId && one.hostName === hostName && one.ip === ip,
    );
  }

  /** The active schedulers of a cluster; of all clusters when a foreign daemon names none. */
  async listSchedulers(
    request: managerV2.ListSchedulersRequest,
  ): Promise<managerV2.ListSchedulersResponse> {
    const clusterId =
      request.schedulerClusterId === 0n
        ? undefined
        : toLedgerId(request.schedulerClusterId, 'scheduler_cluster_id');
    const { schedulers, seedPeers, clusters } = await this.load();
    return {
      schedulers: schedulers
        .filter((one) => one.isActive && (clusterId === undefined || one.clusterId === clusterId))
        .map((one) => messageOf(one, { seedPeers, clusters })),
    };
  }

  async updateSeedPeer(request: managerV2.UpdateSeedPeerRequest): Promise<managerV2.SeedPeer> {
    const { clock, writer, keepAliveIntervalMs } = this.options;
    const { id } = await writer.execute('upsert-seed-peer', {
      atMs: clock.nowMs(),
      ...parseInstanceName(request),
      clusterId: toLedgerId(request.seedPeerClusterId, 'seed_peer_cluster_id'),
      type: parsePlace(request.type, 'type'),
      port: parsePort(request.port, 'port'),
      downloadPort: parsePort(request.downloadPort, 'download_port'),
      idc: parsePlace(request.idc, 'idc'),
      location: parsePlace(request.location, 'location'),
      keepAliveIntervalMs,
    });
    return this.seedPeerMessage((seedPeer) => seedPeer.id === id);
  }

  getSeedPeer(request: managerV2.GetSeedPeerRequest): Promise<managerV2.SeedPeer> {
    const { hostName, ip } = parseInstanceName(request);
    const clusterId = toLedgerId(request.seedPeerClusterId, 'seed_peer_cluster_id');
    return this.seedPeerMessage(
      (one) => one.clusterId === clusterId && one.hostName === hostName && one.ip === ip,
    );
  }

  async listSeedPeers(): Promise<managerV2.ListSeedPeersResponse> {
    const { seedPeers } = await this.load();
    return {
      seedPeers: seedPeers.filter(({ isActive }) => isActive).map((one) => toSeedPeerMessage(one)),
    };
  }

  /** A seed peer that leaves simply stops its keepalives; its row stays for its history. */
  deleteSeedPeer(): Promise<Empty> {
    return Promise.resolve({});
  }

  async keepAlive(
    requests: AsyncIterable<managerV2.KeepAliveRequest>,
    { signal }: Pick<CallContext, 'signal'>,
  ): Promise<Empty> {
    for await (const request of requests) {
      signal.throwIfAborted();
      await this.options.writer.execute('keep-alive', {
        atMs: this.options.clock.nowMs(),
        source:
          request.sourceType === managerV2.SourceType.SEED_PEER_SOURCE ? 'seed-peer' : 'scheduler',
        clusterId: toLedgerId(request.clusterId, 'cluster_id'),
        ...parseInstanceName(request),
      });
    }
    return {};
  }

  private async schedulerMessage(
    matches: (scheduler: SchedulerRecord) => boolean,
  ): Promise<managerV2.Scheduler> {
    const { schedulers, seedPeers, clusters } = await this.load();
    const found = schedulers.find(matches);
    if (found === undefined) {
      throw new NotFoundError('SCHEDULER_NOT_FOUND', 'This scheduler is not registered.');
    }
    return messageOf(found, { seedPeers, clusters });
  }

  private async seedPeerMessage(
    matches: (seedPeer: SeedPeerRecord) => boolean,
  ): Promise<managerV2.SeedPeer> {
    const { schedulers, seedPeers, clusters } = await this.load();
    const found = seedPeers.find(matches);
    if (found === undefined) {
      throw new NotFoundError('SEED_PEER_NOT_FOUND', 'This seed peer is not registered.');
    }
    const ofSameClusters = schedulers.filter(
      ({ clusterId, isActive }) =>
        isActive && clusters.get(clusterId)?.seedPeerClusterId === found.clusterId,
    );
    return toSeedPeerMessage(
      found,
      ofSameClusters.map((one) => toSchedulerMessage(one, clusters.get(one.clusterId))),
    );
  }

  private async load(): Promise<Instances> {
    const { reader, clock } = this.options;
    const nowMs = clock.nowMs();
    const [schedulers, seedPeers, clusters] = await Promise.all([
      reader.listSchedulers(nowMs),
      reader.listSeedPeers(nowMs),
      reader.listClusters(),
    ]);
    return {
      schedulers,
      seedPeers,
      clusters: new Map(clusters.map((cluster) => [cluster.id, cluster])),
    };
  }
}

interface Instances {
  readonly schedulers: readonly SchedulerRecord[];
  readonly seedPeers: readonly SeedPeerRecord[];
  readonly clusters: ReadonlyMap<number, ClusterRecord>;
}

function messageOf(
  scheduler: SchedulerRecord,
  { seedPeers, clusters }: Pick<Instances, 'seedPeers' | 'clusters'>,
): managerV2.Scheduler {
  const cluster = clusters.get(scheduler.clusterId);
  const ofCluster = seedPeers.filter(
    (seedPeer) => seedPeer.isActive && seedPeer.clusterId === cluster?.seedPeerClusterId,
  );
  return toSchedulerMessage(scheduler, cluster, ofCluster);
}
