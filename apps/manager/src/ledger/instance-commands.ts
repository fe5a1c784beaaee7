/** The commands by which an operator changes schedulers, seed peers and hosts. */

import type { UpsertScheduler, UpsertSeedPeer } from './command-catalog.js';
import type { HostRecord } from './host-record.js';

type Changes<T, Fixed extends keyof T> = Partial<Omit<T, 'atMs' | 'hostName' | Fixed>>;

/** What is to change of a scheduler; what is absent stays. */
export interface UpdateScheduler {
  readonly atMs: number;
  readonly schedulerId: number;
  readonly changes: Changes<UpsertScheduler, never>;
}

/** What is to change of a seed peer; what is absent stays. */
export interface UpdateSeedPeer {
  readonly atMs: number;
  readonly seedPeerId: number;
  readonly changes: Changes<UpsertSeedPeer, 'keepAliveIntervalMs'>;
}

/** A host that no scheduler has enrolled. */
export interface CreateHost {
  readonly atMs: number;
  readonly clusterId: number;
  readonly host: HostRecord;
}

/** Each of them by name. */
export interface InstanceCommands {
  /**
   * Inactive until it tells that it lives.
   *
   * @throws NotFoundError (`CLUSTER_NOT_FOUND`).
   * @throws ConflictError (`SCHEDULER_EXISTS`) if the cluster has one of this name and address.
   */
  readonly 'create-scheduler': {
    readonly input: UpsertScheduler;
    readonly result: { readonly id: number };
  };
  /**
   * Features hold from then on, whatever the daemon names. Cluster and address of one that has ever
   * told that it lives are those of its own settings: another row would get its keepalives.
   *
   * @throws NotFoundError (`SCHEDULER_NOT_FOUND`, `CLUSTER_NOT_FOUND`).
   * @throws ConflictError (`SCHEDULER_EXISTS`, `SCHEDULER_IN_USE`).
   */
  readonly 'update-scheduler': { readonly input: UpdateScheduler; readonly result: undefined };
  /**
   * Hides the row. Hosts that it had enrolled stay targets for as long as before, and should the daemon
   * come back, it is the same scheduler.
   *
   * @throws NotFoundError (`SCHEDULER_NOT_FOUND`).
   * @throws ConflictError (`SCHEDULER_IN_USE`) while it is active.
   */
  readonly 'delete-scheduler': {
    readonly input: { readonly atMs: number; readonly schedulerId: number };
    readonly result: undefined;
  };
  /**
   * @throws NotFoundError (`CLUSTER_NOT_FOUND`).
   * @throws ConflictError (`SEED_PEER_EXISTS`).
   */
  readonly 'create-seed-peer': {
    readonly input: UpsertSeedPeer;
    readonly result: { readonly id: number };
  };
  /**
   * @throws NotFoundError (`SEED_PEER_NOT_FOUND`, `CLUSTER_NOT_FOUND`).
   * @throws ConflictError (`SEED_PEER_EXISTS`; `SEED_PEER_IN_USE` for another cluster or address while it is active).
   */
  readonly 'update-seed-peer': { readonly input: UpdateSeedPeer; readonly result: undefined };
  /**
   * @throws NotFoundError (`SEED_PEER_NOT_FOUND`).
   * @throws ConflictError (`SEED_PEER_IN_USE`) while it is active.
   */
  readonly 'delete-seed-peer': {
    readonly input: { readonly atMs: number; readonly seedPeerId: number };
    readonly result: undefined;
  };
  /**
   * A row that is no target of anything until a scheduler enrols the host.
   *
   * @throws NotFoundError (`CLUSTER_NOT_FOUND`).
   * @throws ConflictError (`HOST_EXISTS`).
   */
  readonly 'create-host': { readonly input: CreateHost; readonly result: { readonly id: number } };
  /**
   * @throws NotFoundError (`HOST_NOT_FOUND`).
   * @throws ConflictError (`HOST_IN_USE`) while a purge would have to account for it.
   */
  readonly 'delete-host': {
    readonly input: { readonly atMs: number; readonly hostRowId: number };
    readonly result: undefined;
  };
}
