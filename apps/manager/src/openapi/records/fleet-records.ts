/** Records about clusters, schedulers and hosts, as they are answered. */

import {
  ROW_EXAMPLE,
  ROW_FIELDS,
  listOf,
  nullable,
  oneOf,
  recordOf,
  refTo,
  type Schema,
} from '../schema-parts.js';

const AT = ROW_EXAMPLE.created_at;
const STATE = oneOf('active', 'inactive');
const CLUSTER_CONFIG = {
  ...{ candidate_parent_limit: 4, filter_parent_limit: 15, job_rate_limit: 10 },
};
const SCOPES = { idc: 'hall-1', location: 'eu|berlin', cidrs: ['10.0.0.0/8'], hostnames: [] };

const SCHEDULER_CLUSTER = {
  ...ROW_EXAMPLE,
  ...{ name: 'cluster-1', bio: '', config: CLUSTER_CONFIG, client_config: { load_limit: 200 } },
  ...{ seed_client_config: { load_limit: 2_000 }, scopes: SCOPES, is_default: true },
  seed_peer_clusters: [],
};
const SEED_PEER_CLUSTER = {
  ...{ ...ROW_EXAMPLE, name: 'cluster-1', bio: '', config: { load_limit: 2_000 } },
  scheduler_clusters: [],
};

/** A cluster as other records name it. */
const CLUSTER_NAME = recordOf({ id: 'integer', name: 'string' }, { id: 1, name: 'cluster-1' });
/** What a host says of itself, and where it belongs. */
export const HOST_FIELDS = {
  ...{ host_name: 'string', type: 'string', idc: 'string', location: 'string', ip: 'string' },
  ...{ port: 'integer', download_port: 'integer', object_storage_port: 'integer', state: STATE },
  ...{ os: 'string', platform: 'string', platform_family: 'string', platform_version: 'string' },
  ...{ kernel_version: 'string', git_version: 'string', git_commit: 'string' },
  ...{ build_platform: 'string', scheduler_cluster_id: 'integer', scheduler_cluster: CLUSTER_NAME },
};
/** An example of them. */
export const HOST_EXAMPLE = {
  ...{ host_name: 'h1', type: 'normal', idc: '', location: '', ip: '10.0.0.1', port: 4_000 },
  ...{ download_port: 4_000, object_storage_port: 0, state: 'active', os: 'linux' },
  ...{ platform: 'debian', platform_family: 'debian', platform_version: '12' },
  ...{ kernel_version: '6.1', git_version: '', git_commit: '', build_platform: '' },
  ...{ scheduler_cluster_id: 1, scheduler_cluster: { id: 1, name: 'cluster-1' } },
};

/** The newest connection that a host was enrolled on, and how many are open. */
const ENROLMENT = nullable(
  recordOf(
    {
      ...{ scheduler_id: 'integer', incarnation: 'string', connections: 'integer' },
      ...{ enrolled_at: 'time|null', lost_at: 'time|null', has_left: 'boolean' },
    },
    {
      ...{ scheduler_id: 1, incarnation: '7c'.repeat(16), connections: 1 },
      ...{ enrolled_at: AT, lost_at: null, has_left: false },
    },
  ),
);

/** By name. */
export const FLEET_RECORDS = {
  Cluster: recordOf(
    {
      ...{ ...ROW_FIELDS, name: 'string', bio: 'string', scopes: 'object' },
      ...{ scheduler_cluster_id: 'integer', seed_peer_cluster_id: 'integer' },
      ...{ scheduler_cluster_config: 'object', seed_peer_cluster_config: 'object' },
      ...{ peer_cluster_config: 'object', is_default: 'boolean' },
    },
    {
      ...{ ...ROW_EXAMPLE, name: 'cluster-1', bio: '', scopes: SCOPES },
      ...{ scheduler_cluster_id: 1, seed_peer_cluster_id: 1 },
      ...{ scheduler_cluster_config: CLUSTER_CONFIG },
      ...{ seed_peer_cluster_config: { load_limit: 2_000 } },
      ...{ peer_cluster_config: { load_limit: 200 }, is_default: true },
    },
  ),
  SchedulerCluster: recordOf(
    {
      ...{ ...ROW_FIELDS, name: 'string', bio: 'string', config: 'object' },
      ...{ client_config: 'object', seed_client_config: 'object', scopes: 'object' },
      ...{ is_default: 'boolean', seed_peer_clusters: listOf('SeedPeerCluster') },
    },
    { ...SCHEDULER_CLUSTER, seed_peer_clusters: [SEED_PEER_CLUSTER] },
  ),
  SeedPeerCluster: recordOf(
    {
      ...{ ...ROW_FIELDS, name: 'string', bio: 'string', config: 'object' },
      scheduler_clusters: listOf('SchedulerCluster'),
    },
    { ...SEED_PEER_CLUSTER, scheduler_clusters: [SCHEDULER_CLUSTER] },
  ),
  Scheduler: recordOf(
    {
      ...{ ...ROW_FIELDS, host_name: 'string', idc: 'string', location: 'string', ip: 'string' },
      ...{ port: 'integer', state: STATE, features: 'strings', config: 'object' },
      ...{ last_keep_alive_at: 'time|null', scheduler_cluster_id: 'integer' },
      scheduler_cluster: refTo('SchedulerCluster'),
    },
    {
      ...{ ...ROW_EXAMPLE, host_name: 's1', idc: '', location: '', ip: '10.0.0.2', port: 8_002 },
      ...{ state: 'active', features: ['schedule', 'preheat'] },
      ...{ config: { manager_keep_alive_interval: 5_000_000_000 } },
      ...{ last_keep_alive_at: '2026-11-22T10:00:00.000Z', scheduler_cluster_id: 1 },
      scheduler_cluster: SCHEDULER_CLUSTER,
    },
  ),
  SeedPeer: recordOf(
    {
      ...{ ...ROW_FIELDS, host_name: 'string', type: 'string', idc: 'string' },
      ...{ location: 'string', ip: 'string', port: 'integer', download_port: 'integer' },
      ...{ object_storage_port: 'integer', state: STATE, seed_peer_cluster_id: 'integer' },
      seed_peer_cluster: refTo('SeedPeerCluster'),
    },
    {
      ...{ ...ROW_EXAMPLE, host_name: 'seed-1', type: 'super', idc: '', location: '' },
      ...{ ip: '10.0.0.3', port: 4_000, download_port: 4_000, object_storage_port: 0 },
      ...{ state: 'active', seed_peer_cluster_id: 1, seed_peer_cluster: SEED_PEER_CLUSTER },
    },
  ),
  Peer: recordOf(
    {
      ...{ ...ROW_FIELDS, ...HOST_FIELDS, applied: 'integer|null', lag: 'integer|null' },
      ...{ applied_told_at: 'time|null', takes_leases: 'boolean', lease_ends_at: 'time|null' },
      ...{ enrolment: ENROLMENT, may_serve_without_lease: 'boolean' },
    },
    {
      ...{ ...ROW_EXAMPLE, ...HOST_EXAMPLE, applied: 6, lag: 0, applied_told_at: AT },
      ...{ takes_leases: true, lease_ends_at: '2026-11-22T10:00:04.000Z' },
      ...{ enrolment: ENROLMENT.example as object, may_serve_without_lease: false },
    },
  ),
  Purge: recordOf(
    {
      ...{ seq: 'integer', log_epoch: 'string', scheduler_cluster_id: 'integer' },
      ...{ task_id: 'string', job_id: 'integer', user_id: 'integer', user_name: 'string' },
      created_at: 'time',
    },
    {
      ...{ seq: 6, log_epoch: '5f'.repeat(16), scheduler_cluster_id: 1 },
      ...{ task_id: '457b43f1'.repeat(8), job_id: 42, user_id: 1, user_name: 'root' },
      created_at: AT,
    },
  ),
} satisfies Readonly<Record<string, Schema>>;
