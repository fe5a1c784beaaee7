/** Clusters and schedulers as Dragonfly's clients read them. */

import { timeView, type Json } from '../job-views/index.js';
import type { ClusterRecord, SchedulerRecord } from '../ledger/index.js';

/** A scheduler cluster, as `GET /scheduler-clusters` lists it. */
export function schedulerClusterView(cluster: ClusterRecord): Json {
  return {
    ...rowView(cluster),
    name: cluster.name,
    bio: cluster.bio,
    config: cluster.config,
    client_config: cluster.clientConfig,
    seed_client_config: cluster.seedClientConfig,
    scopes: cluster.scopes,
    is_default: cluster.isDefault,
    seed_peer_clusters: [],
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
    config: {},
    last_keep_alive_at: lastKeepAliveAtMs === 0 ? null : timeView(lastKeepAliveAtMs),
    scheduler_cluster_id: scheduler.clusterId,
    scheduler_cluster: cluster === undefined ? {} : schedulerClusterView(cluster),
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
