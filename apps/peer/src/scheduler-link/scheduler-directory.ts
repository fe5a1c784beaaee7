import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { managerV2 } from '@pondhawk/contracts';
import { errnoOf, toError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import { type Client, callUnary } from '@pondhawk/rpc';
import { settingsOf } from './block-lists.js';
import type { HostFacts } from './host-facts.js';

/** Where a scheduler is reached. */
export interface SchedulerAddress {
  /** The manager's number of it; of a static list its place among the sorted addresses, from 1. */
  readonly id: number;
  /** `host:port`. */
  readonly address: string;
}

/** What the manager says of this host's cluster. */
export interface ClusterOfHost {
  readonly schedulers: readonly SchedulerAddress[];
  /** JSON; undefined while the cluster has no active scheduler. */
  readonly settings: Buffer | undefined;
}

const FILE = 'schedulers.json';
const LIST_TIMEOUT_MS = 3_000;
/** More schedulers of one cluster than this are not used. */
const SCHEDULERS_MAX = 64;

/** Numbers a list of addresses as every host that is given the same list does. */
export function staticSchedulers(addresses: readonly string[]): SchedulerAddress[] {
  return [...addresses].sort().map((address, index) => ({ id: index + 1, address }));
}

/** Asks the manager for the schedulers of this host's cluster, and remembers them on disk. */
export class SchedulerDirectory {
  constructor(
    private readonly dataDir: string,
    private readonly facts: HostFacts,
    private readonly log: Log,
  ) {}

  /**
   * Asks the manager and writes what it said to disk.
   *
   * @throws PondhawkError if the manager does not answer.
   */
  async fetch(manager: Client): Promise<ClusterOfHost> {
    const { schedulers } = await callUnary(
      manager,
      managerV2.ManagerService.listSchedulers,
      managerV2.ListSchedulersRequest.create({
        sourceType: managerV2.SourceType.PEER_SOURCE,
        hostname: this.facts.hostname,
        ip: this.facts.ip,
        idc: this.facts.idc,
        location: this.facts.location,
        schedulerClusterId: BigInt(this.facts.clusterId),
      }),
      { timeoutMs: LIST_TIMEOUT_MS },
    );
    const list = schedulers
      .slice(0, SCHEDULERS_MAX)
      .map(({ id, ip, port }) => ({ id: Number(id), address: `${ip}:${port}` }));
    if (list.length > 0) await this.save(list);
    const settings = settingsOf(schedulers[0]?.schedulerCluster, this.facts.type);
    return { schedulers: list, settings };
  }

  /** What the manager said last, before the last stop perhaps. */
  async load(): Promise<SchedulerAddress[]> {
    try {
      const raw: unknown = JSON.parse(await readFile(join(this.dataDir, FILE), 'utf8'));
      return Array.isArray(raw) ? raw.filter(isAddress).slice(0, SCHEDULERS_MAX) : [];
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') {
        this.log.warn('scheduler list on disk is unreadable', { err: toError(error) });
      }
      return [];
    }
  }

  private async save(list: readonly SchedulerAddress[]): Promise<void> {
    const path = join(this.dataDir, FILE);
    try {
      await writeFile(`${path}.part`, JSON.stringify(list), { mode: 0o640 });
      await rename(`${path}.part`, path);
    } catch (error) {
      this.log.warn('scheduler list not kept on disk', { err: toError(error) });
    }
  }
}

function isAddress(raw: unknown): raw is SchedulerAddress {
  if (typeof raw !== 'object' || raw === null) return false;
  const { id, address } = raw as Record<string, unknown>;
  return Number.isSafeInteger(id) && typeof address === 'string';
}
