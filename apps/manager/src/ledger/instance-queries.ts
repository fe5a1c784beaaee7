/** Queries about clusters, schedulers, seed peers and hosts. */

import type { Selectable } from 'kysely';
import type { HostRecord } from './host-record.js';
import type { ReadContext } from './job-queries.js';
import { parseObject } from './job-rows.js';
import type { InstanceFilter, Page, PageRequest } from './ledger-reader.js';
import { activeUntilMs, isActive } from './liveness.js';
import type {
  ClusterRecord,
  EnrolmentRecord,
  PeerRecord,
  SchedulerRecord,
  SeedPeerClusterRecord,
  SeedPeerRecord,
} from './records.js';
import type { SchedulerClustersTable } from './tables.js';
import { sql } from 'kysely';

/** All clusters, by id. */
export async function loadClusters({ db }: ReadContext): Promise<ClusterRecord[]> {
  const rows = await db.selectFrom('scheduler_clusters').selectAll().orderBy('id').execute();
  return rows.map(toClusterRecord);
}

/** All seed peer clusters, by id. */
export async function loadSeedPeerClusters({ db }: ReadContext): Promise<SeedPeerClusterRecord[]> {
  const rows = await db.selectFrom('seed_peer_clusters').selectAll().orderBy('id').execute();
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    bio: row.bio,
    config: parseObject(row.config),
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  }));
}

/** All schedulers, or those of one cluster, by id. */
export async function loadSchedulers(
  { db }: ReadContext,
  nowMs: number,
  { clusterId }: InstanceFilter,
): Promise<SchedulerRecord[]> {
  let query = db
    .selectFrom('schedulers')
    .selectAll()
    .where('removed_at_ms', 'is', null)
    .orderBy('id');
  if (clusterId !== undefined) query = query.where('scheduler_cluster_id', '=', clusterId);
  const rows = await query.execute();
  return rows.map((row) => ({
    id: row.id,
    clusterId: row.scheduler_cluster_id,
    hostName: row.host_name,
    ip: row.ip,
    port: row.port,
    idc: row.idc,
    location: row.location,
    features: JSON.parse(row.chosen_features ?? row.features) as string[],
    keepAliveIntervalMs: row.keep_alive_interval_ms,
    isActive: isActive(row, nowMs),
    lastKeepAliveAtMs: row.last_keep_alive_at_ms,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  }));
}

/** All seed peers, or those of one seed peer cluster, by id. */
export async function loadSeedPeers(
  { db }: ReadContext,
  nowMs: number,
  { clusterId }: InstanceFilter,
): Promise<SeedPeerRecord[]> {
  let query = db.selectFrom('seed_peers').selectAll().orderBy('id');
  if (clusterId !== undefined) query = query.where('seed_peer_cluster_id', '=', clusterId);
  const rows = await query.execute();
  return rows.map((row) => ({
    id: row.id,
    clusterId: row.seed_peer_cluster_id,
    hostName: row.host_name,
    type: row.type,
    ip: row.ip,
    port: row.port,
    downloadPort: row.download_port,
    idc: row.idc,
    location: row.location,
    isActive: isActive(row, nowMs),
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  }));
}

/** A page of hosts, by cluster, host name, ip, id. Active is who is connected to a scheduler that is itself active. */
export async function loadPeers(
  { db }: ReadContext,
  nowMs: number,
  { clusterId }: InstanceFilter,
  { page, perPage }: PageRequest,
): Promise<Page<PeerRecord>> {
  let query = db.selectFrom('peers').leftJoin('schedulers', 'schedulers.id', 'peers.scheduler_id');
  if (clusterId !== undefined) query = query.where('peers.scheduler_cluster_id', '=', clusterId);
  const { count } = await query.select(sql<number>`count(*)`.as('count')).executeTakeFirstOrThrow();
  const rows = await query
    .selectAll('peers')
    .select(activeUntilMs.as('home_until_ms'))
    .orderBy('peers.scheduler_cluster_id')
    .orderBy('peers.host_name')
    .orderBy('peers.ip')
    .orderBy('peers.host_id')
    .limit(perPage)
    .offset((page - 1) * perPage)
    .execute();
  const items = rows.map((row) => ({
    id: row.id,
    clusterId: row.scheduler_cluster_id,
    host: JSON.parse(row.host) as HostRecord,
    state:
      row.lost_at_ms === null && row.home_until_ms > nowMs
        ? ('active' as const)
        : ('inactive' as const),
    takesLeases: row.takes_leases !== 0,
    enrolment:
      row.scheduler_id === null || row.connection_id === null
        ? undefined
        : {
            schedulerId: row.scheduler_id,
            incarnation: row.incarnation ?? '',
            lostAtMs: row.lost_at_ms ?? undefined,
            hasLeft: row.has_left !== 0,
          },
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  }));
  return { items, totalCount: count };
}

/** Hosts of a cluster that serve under leases and are connected. */
export async function loadConnectedHostIds(
  { db }: ReadContext,
  clusterId: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom('peers')
    .select('host_id')
    .where('scheduler_cluster_id', '=', clusterId)
    .where('takes_leases', '=', 1)
    .where('lost_at_ms', 'is', null)
    .execute();
  return rows.map(({ host_id }) => host_id);
}

/** A cluster's connections of hosts that serve under leases. */
export async function loadEnrolments(
  { db }: ReadContext,
  clusterId: number,
): Promise<EnrolmentRecord[]> {
  const rows = await db
    .selectFrom('enrolments')
    .select(['host_id', 'connection_id', 'scheduler_incarnation', 'is_lost', 'created_at_ms'])
    .where('scheduler_cluster_id', '=', clusterId)
    .execute();
  return rows.map((row) => ({
    hostId: row.host_id,
    connection: row.connection_id,
    scheduler: row.scheduler_incarnation,
    isLost: row.is_lost !== 0,
    createdAtMs: row.created_at_ms,
  }));
}

/** Hosts of which a start may serve without a lease, as its mark says. */
export async function loadMarkedHostIds(
  { db }: ReadContext,
  clusterId: number,
): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('waiver_marks')
    .select('host_id')
    .where('scheduler_cluster_id', '=', clusterId)
    .execute();
  return new Set(rows.map(({ host_id }) => host_id));
}

function toClusterRecord(row: Selectable<SchedulerClustersTable>): ClusterRecord {
  return {
    id: row.id,
    name: row.name,
    bio: row.bio,
    isDefault: row.is_default !== 0,
    config: parseObject(row.config),
    clientConfig: parseObject(row.client_config),
    seedClientConfig: parseObject(row.seed_client_config),
    scopes: parseObject(row.scopes),
    seedPeerClusterId: row.seed_peer_cluster_id,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  };
}
