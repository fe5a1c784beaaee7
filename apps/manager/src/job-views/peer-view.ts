/** What REST shows of hosts: Dragonfly's peer record, and what came of a host's share of a job. */

import type {
  HeldTask,
  HostRecord,
  PeerRecord,
  PreheatedTask,
  TargetRecord,
} from '../ledger/index.js';

/** A JSON object. */
export type Json = Record<string, unknown>;

/** A cluster as records name it. */
export interface ClusterName {
  readonly id: number;
  readonly name: string;
}

/** A host with its cluster, as `GET /peers` lists it. */
export function peerView(peer: PeerRecord, cluster: ClusterName): Json {
  return {
    ...hostView(peer.host, cluster, peer.state),
    id: peer.id,
    created_at: timeView(peer.createdAtMs),
    updated_at: timeView(peer.updatedAtMs),
    is_del: 0,
  };
}

/** The record of a target's host; a host that did not answer is shown inactive. */
export function targetHostView(target: TargetRecord, cluster: ClusterName): Json {
  const state = target.code === 'HOST_UNREACHABLE' ? 'inactive' : 'active';
  return hostView(target.host, cluster, state);
}

/** A target as `success_peers`, `failure_peers` and `fenced_peers` list it. */
export function targetPeerView(target: TargetRecord, cluster: ClusterName): Json {
  return {
    peer: targetHostView(target, cluster),
    description: descriptionOf(target),
    outcome: target.outcome,
    deleted_bytes: target.deletedBytes,
    attempts: target.attempts,
    ended_at: target.endedAtMs === undefined ? null : timeView(target.endedAtMs),
    later: target.later ?? null,
    ...(target.verification === undefined ? {} : { verification: target.verification }),
    ...(target.preheats === undefined ? {} : { tasks: target.preheats.map(preheatedTaskView) }),
  };
}

/** A target as `GET /jobs/:id/targets` lists it. */
export function targetView(target: TargetRecord, clusterName: string): Json {
  const cluster = { id: target.clusterId, name: clusterName };
  return {
    node: target.node,
    scheduler_cluster_id: cluster.id,
    ...targetPeerView(target, cluster),
    code: target.code,
    started_at: timeView(target.startedAtMs),
    task: target.task === undefined ? null : heldTaskView(target.task),
    hosts: target.hostCount ?? null,
  };
}

/** A task as a host holds it. */
export function heldTaskView(task: HeldTask): Json {
  return {
    id: task.id,
    url: task.url,
    tag: task.tag,
    application: task.application,
    state: task.state,
    content_length: task.content_length,
    finished_bytes: task.finished_bytes,
    piece_length: task.piece_length,
    created_at: timeView(task.created_at_ms),
    updated_at: timeView(task.updated_at_ms),
    finished_at: task.finished_at_ms === undefined ? null : timeView(task.finished_at_ms),
  };
}

function preheatedTaskView({ id, outcome, bytes, code, message }: PreheatedTask): Json {
  return { task_id: id, outcome, bytes, description: descriptionOf({ code, message }) };
}

/** Why a target failed; empty when it did not. */
export function descriptionOf({ code, message }: Pick<TargetRecord, 'code' | 'message'>): string {
  return [code, message].filter((part) => part !== '').join(': ');
}

/** RFC 3339 in UTC with milliseconds. */
export function timeView(atMs: number): string {
  return new Date(atMs).toISOString();
}

function hostView(host: HostRecord, cluster: ClusterName, state: PeerRecord['state']): Json {
  return {
    id: host.id,
    host_name: host.host_name,
    type: host.type,
    idc: host.idc,
    location: host.location,
    ip: host.ip,
    port: host.port,
    download_port: host.download_port,
    object_storage_port: 0,
    state,
    os: host.os,
    platform: host.platform,
    platform_family: host.platform_family,
    platform_version: host.platform_version,
    kernel_version: host.kernel_version,
    git_version: host.git_version,
    git_commit: host.git_commit,
    build_platform: host.build_platform,
    scheduler_cluster_id: cluster.id,
    scheduler_cluster: { id: cluster.id, name: cluster.name },
  };
}
