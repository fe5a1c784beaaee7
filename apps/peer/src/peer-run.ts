import {
  parseHostId,
  type Clock,
  type Faults,
  type HostId,
  type Incarnation,
  type LeaseClocks,
} from '@pondhawk/core';
import type { Log, Metrics } from '@pondhawk/observability';
import type { DataFolderLock } from '@pondhawk/storage';
import type { PeerConfig } from './peer.config.js';
import type { HostFacts } from './scheduler-link/index.js';

/** What exists before any part of the daemon: settings, and the lock of the data folder. */
export interface PeerRun {
  readonly config: PeerConfig;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly faults: Faults;
  readonly clock: Clock;
  readonly clocks: LeaseClocks;
  readonly lock: DataFolderLock;
  /** This start of the daemon. */
  readonly incarnation: Incarnation;
}

/** `<ip>-<hostname>`, and `-seed` behind it for a seed peer. */
export function hostIdOf({ host }: PeerConfig): HostId {
  return parseHostId(`${host.ip}-${host.hostname}${host.type === 'super' ? '-seed' : ''}`);
}

/** What this daemon tells of itself. */
export function hostFactsOf({ config, incarnation, lock }: PeerRun): HostFacts {
  const { hostname, ip, type, idc, location } = config.host;
  return {
    hostId: hostIdOf(config),
    incarnation,
    formerIncarnations: lock.record.formers,
    hostname,
    ip,
    type,
    idc,
    location,
    clusterId: config.clusterId,
  };
}
