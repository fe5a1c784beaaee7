/** Rows of the ledger as `manager.v2` messages. */

import { type managerV2 } from '@pondhawk/contracts';
import { InvalidArgumentError } from '@pondhawk/core';
import type { ClusterRecord, SchedulerRecord, SeedPeerRecord } from '../ledger/index.js';

/** A scheduler with its cluster, and with the seed peers that it may trigger. */
export function toSchedulerMessage(
  scheduler: SchedulerRecord,
  cluster: ClusterRecord | undefined,
  seedPeers: readonly SeedPeerRecord[] = [],
): managerV2.Scheduler {
  return {
    id: BigInt(scheduler.id),
    hostname: scheduler.hostName,
    idc: scheduler.idc,
    location: scheduler.location,
    ip: scheduler.ip,
    port: scheduler.port,
    state: scheduler.isActive ? 'active' : 'inactive',
    schedulerClusterId: BigInt(scheduler.clusterId),
    schedulerCluster: cluster === undefined ? undefined : toClusterMessage(cluster),
    seedPeers: seedPeers.map((seedPeer) => toSeedPeerMessage(seedPeer)),
    features: json(scheduler.features),
  };
}

/** A seed peer, with the schedulers it announces itself to. */
export function toSeedPeerMessage(
  seedPeer: SeedPeerRecord,
  schedulers: readonly managerV2.Scheduler[] = [],
): managerV2.SeedPeer {
  return {
    id: BigInt(seedPeer.id),
    hostname: seedPeer.hostName,
    type: seedPeer.type,
    idc: seedPeer.idc,
    location: seedPeer.location,
    ip: seedPeer.ip,
    port: seedPeer.port,
    downloadPort: seedPeer.downloadPort,
    state: seedPeer.isActive ? 'active' : 'inactive',
    seedPeerClusterId: BigInt(seedPeer.clusterId),
    seedPeerCluster: {
      id: BigInt(seedPeer.clusterId),
      name: `seed-peer-cluster-${seedPeer.clusterId}`,
      bio: '',
      config: json({}),
    },
    schedulers: [...schedulers],
  };
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) for an id that no row can have. */
export function toLedgerId(id: bigint, field: string): number {
  const number = Number(id);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('INVALID_FIELD', `${field} must be a whole number from 1.`, {
    details: { field },
  });
}

function toClusterMessage(cluster: ClusterRecord): managerV2.SchedulerCluster {
  return {
    id: BigInt(cluster.id),
    name: cluster.name,
    bio: cluster.bio,
    config: json(cluster.config),
    clientConfig: json(cluster.clientConfig),
    seedClientConfig: json(cluster.seedClientConfig),
    scopes: json(cluster.scopes),
  };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
