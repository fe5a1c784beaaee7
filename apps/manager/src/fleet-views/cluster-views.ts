/** Clusters and schedulers as Dragonfly's clients read them. */

import { timeView, type Json } from '../job-views/index.js';
import type {
  ClusterRecord,
  SchedulerRecord,
  SeedPeerClusterRecord,
  SeedPeerRecord,
} from '../ledger/index.js';

const NS_PER_MS = 1_000_000;

/** A scheduler cluster, as `GET /scheduler-clusters` lists it. */
export function schedulerClusterView(
  cluster: ClusterRecord,
  seedPeerClusters: readonly SeedPeerClusterRecord[] = [],
): Json {
  return {
    ...rowView(cluster),
    name: cluster.name,
    bio: cluster.bio,
    config: cluster.config,
    client_config: cluster.clientConfig,
    seed_client_config: cluster.seedClientConfig,
    scopes: cluster.scopes,
    is_default: cluster.isDefault,
    seed_peer_clusters: seedPeerClusters
      .filter(({ id }) => id === cluster.seedPeerClusterId)
      .map((one) => seedPeerClusterView(one, [])),
  };
}

/** A scheduler cluster and the seed peer cluster of the same name in one, as `GET /clusters` lists it. */
export function clusterView(cluster: ClusterRecord): Json {
  return {
    ...rowView(cluster),
    name: cluster.name,
    bio: cluster.bio,
    scopes: cluster.scopes,
    scheduler_cluster_id: cluster.id,
    seed_peer_cluster_id: cluster.seedPeerClusterId,
    scheduler_cluster_config: cluster.config,
    seed_peer_cluster_config: cluster.seedClientConfig,
    peer_cluster_config: cluster.clientConfig,
    is_default: cluster.isDefault,
  };
}

/** A scheduler, as `GET /schedulers` lists it. */
export function schedulerView(
  scheduler: SchedulerRecord,
  cluster: ClusterRecord | undefined,
): Json {
  const { lastKeepAliveAtMs } = scheduler;
  return {
    ...rowView(scheduler),
    host_name: scheduler.hostName,
    idc: scheduler.idc,
    location: scheduler.location,
    ip: scheduler.ip,
    port: scheduler.port,
    state: stateOf(scheduler),
    features: scheduler.features,
    config: { manager_keep_alive_interval: scheduler.keepAliveIntervalMs * NS_PER_MS },
    last_keep_alive_at: lastKeepAliveAtMs === 0 ? null : timeView(lastKeepAliveAtMs),
    scheduler_cluster_id: scheduler.clusterId,
    scheduler_cluster: cluster === undefined ? {} : schedulerClusterView(cluster),
  };
}

/** A seed peer cluster, with those of `clusters` that use it, as `GET /seed-peer-clusters` lists it. */
export function seedPeerClusterView(
  cluster: SeedPeerClusterRecord,
  clusters: readonly ClusterRecord[],
): Json {
  return {
    ...rowView(cluster),
    name: cluster.name,
    bio: cluster.bio,
    config: cluster.config,
    scheduler_clusters: clusters
      .filter(({ seedPeerClusterId }) => seedPeerClusterId === cluster.id)
      .map((one) => schedulerClusterView(one)),
  };
}

/** A seed peer, as `GET /seed-peers` lists it. */
export function seedPeerView(
  seedPeer: SeedPeerRecord,
  cluster: SeedPeerClusterRecord | undefined,
): Json {
  return {
    ...rowView(seedPeer),
    host_name: seedPeer.hostName,
    type: seedPeer.type,
    idc: seedPeer.idc,
    location: seedPeer.location,
    ip: seedPeer.ip,
    port: seedPeer.port,
    download_port: seedPeer.downloadPort,
    object_storage_port: 0,
    state: stateOf(seedPeer),
    seed_peer_cluster_id: seedPeer.clusterId,
    seed_peer_cluster: cluster === undefined ? {} : seedPeerClusterView(cluster, []),
  };
}

/** As clients of REST and gRPC read it. */
export function stateOf({ isActive }: { readonly isActive: boolean }): 'active' | 'inactive' {
  return isActive ? 'active' : 'inactive';
}

interface Row {
  readonly id: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

function rowView({ id, createdAtMs, updatedAtMs }: Row): Json {
  return {
    id,
    created_at: timeView(createdAtMs),
    updated_at: timeView(updatedAtMs),
    is_del: 0,
  };
}
