import { type Clock, toError } from '@pondhawk/core';
import { schedulerV2, toHostRecord } from '@pondhawk/contracts';
import { type Log } from '@pondhawk/observability';
import { type ChannelPool, callUnary } from '@pondhawk/rpc';
import type { HostRecord, LedgerReader, PeerRecord, SchedulerRecord } from '../ledger/index.js';
import { PER_PAGE_MAX } from '../rest-edge/query-parameters.js';

/** A scheduler must list its hosts by then. */
export const LIST_HOSTS_TIMEOUT_MS = 2_000;

/** What the directory asks. */
export interface HostDirectoryOptions {
  readonly reader: LedgerReader;
  readonly channels: ChannelPool;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The hosts of all clusters: those whom active schedulers name now, and those whom the ledger
 * remembers from reports. A host that a scheduler names is active; one that no scheduler of a
 * cluster that answered names is not.
 */
export class HostDirectory {
  constructor(private readonly options: HostDirectoryOptions) {}

  /** By cluster, host name, ip, id. */
  async listHosts(clusterId?: number): Promise<readonly PeerRecord[]> {
    const { reader, clock } = this.options;
    const filter = clusterId === undefined ? {} : { clusterId };
    const { items: known } = await reader.listPeers(filter, { page: 1, perPage: PER_PAGE_MAX });
    const schedulers = await reader.listSchedulers(clock.nowMs(), filter);
    const active = schedulers.filter(({ isActive }) => isActive);
    const answers = await Promise.all(active.map((scheduler) => this.ask(scheduler)));
    const answered = answers.filter((answer) => answer !== undefined);
    return mergeHosts(known, answered, clock.nowMs());
  }

  private async ask(scheduler: SchedulerRecord): Promise<ClusterHosts | undefined> {
    const { channels, log } = this.options;
    try {
      const { hosts } = await callUnary(
        channels.get(`${scheduler.ip}:${scheduler.port}`),
        schedulerV2.SchedulerService.listHosts,
        {},
        { timeoutMs: LIST_HOSTS_TIMEOUT_MS },
      );
      return { clusterId: scheduler.clusterId, hosts: hosts.map(toHostRecord) };
    } catch (error) {
      log.warn('scheduler does not list its hosts', {
        err: toError(error),
        schedulerId: scheduler.id,
      });
      return undefined;
    }
  }
}

/** What one scheduler answered. */
export interface ClusterHosts {
  readonly clusterId: number;
  readonly hosts: readonly HostRecord[];
}

/** One row a host, from what the ledger knows and what schedulers name. */
export function mergeHosts(
  known: readonly PeerRecord[],
  answers: readonly ClusterHosts[],
  nowMs: number,
): PeerRecord[] {
  const answeredClusters = new Set(answers.map(({ clusterId }) => clusterId));
  const merged = new Map<string, PeerRecord>();
  for (const peer of known) {
    const state = answeredClusters.has(peer.clusterId) ? 'inactive' : peer.state;
    merged.set(keyOf(peer.clusterId, peer.host.id), { ...peer, state });
  }
  for (const { clusterId, hosts } of answers) {
    for (const host of hosts) {
      const key = keyOf(clusterId, host.id);
      const former = merged.get(key) ?? { id: 0, createdAtMs: nowMs, updatedAtMs: nowMs };
      merged.set(key, { ...former, clusterId, host, state: 'active' });
    }
  }
  return [...merged.values()].sort(byPlace);
}

function keyOf(clusterId: number, hostId: string): string {
  return `${clusterId} ${hostId}`;
}

function byPlace(a: PeerRecord, b: PeerRecord): number {
  return (
    a.clusterId - b.clusterId ||
    compare(a.host.host_name, b.host.host_name) ||
    compare(a.host.ip, b.host.ip) ||
    compare(a.host.id, b.host.id)
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
