import { NotFoundError, type Clock } from '@pondhawk/core';
import type { Response } from 'express';
import type {
  LedgerReader,
  LedgerWriter,
  PeerRecord,
  SchedulerRecord,
  SeedPeerRecord,
} from '../ledger/index.js';
import { PER_PAGE_MAX } from '../rest-edge/query-parameters.js';
import { warnOfStripped } from '../rest-edge/warning-header.js';
import {
  parseNewHost,
  parseNewScheduler,
  parseNewSeedPeer,
  parseSchedulerChanges,
  parseSeedPeerChanges,
} from './instance-requests.js';

/** Schedulers, seed peers and hosts, as an operator reads and changes single ones. */
export class InstanceStore {
  /** @param keepAliveIntervalMs of instances that name none. */
  constructor(
    private readonly reader: LedgerReader,
    private readonly writer: LedgerWriter,
    private readonly clock: Clock,
    private readonly keepAliveIntervalMs: number,
  ) {}

  /** @throws NotFoundError (`SCHEDULER_NOT_FOUND`). */
  async requireScheduler(schedulerId: number): Promise<SchedulerRecord> {
    const all = await this.reader.listSchedulers(this.clock.nowMs());
    const found = all.find(({ id }) => id === schedulerId);
    return required(found, 'SCHEDULER_NOT_FOUND', `scheduler ${schedulerId}`);
  }

  async createScheduler(body: unknown, response: Response): Promise<SchedulerRecord> {
    const { facts, strippedFields } = parseNewScheduler(body, this.keepAliveIntervalMs);
    const input = { ...facts, atMs: this.clock.nowMs() };
    const { id } = await this.writer.execute('create-scheduler', input);
    warnOfStripped(response, strippedFields);
    return this.requireScheduler(id);
  }

  async updateScheduler(
    schedulerId: number,
    body: unknown,
    response: Response,
  ): Promise<SchedulerRecord> {
    const { facts: changes, strippedFields } = parseSchedulerChanges(body);
    const input = { atMs: this.clock.nowMs(), schedulerId, changes };
    await this.writer.execute('update-scheduler', input);
    warnOfStripped(response, strippedFields);
    return this.requireScheduler(schedulerId);
  }

  async moveScheduler(schedulerId: number, clusterId: number): Promise<void> {
    const input = { atMs: this.clock.nowMs(), schedulerId, changes: { clusterId } };
    await this.writer.execute('update-scheduler', input);
  }

  async removeScheduler(schedulerId: number): Promise<void> {
    await this.writer.execute('delete-scheduler', { atMs: this.clock.nowMs(), schedulerId });
  }

  /** @throws NotFoundError (`SEED_PEER_NOT_FOUND`). */
  async requireSeedPeer(seedPeerId: number): Promise<SeedPeerRecord> {
    const all = await this.reader.listSeedPeers(this.clock.nowMs());
    const found = all.find(({ id }) => id === seedPeerId);
    return required(found, 'SEED_PEER_NOT_FOUND', `seed peer ${seedPeerId}`);
  }

  async createSeedPeer(body: unknown, response: Response): Promise<SeedPeerRecord> {
    const { facts, strippedFields } = parseNewSeedPeer(body);
    const { keepAliveIntervalMs } = this;
    const input = { ...facts, keepAliveIntervalMs, atMs: this.clock.nowMs() };
    const { id } = await this.writer.execute('create-seed-peer', input);
    warnOfStripped(response, strippedFields);
    return this.requireSeedPeer(id);
  }

  async updateSeedPeer(
    seedPeerId: number,
    body: unknown,
    response: Response,
  ): Promise<SeedPeerRecord> {
    const { facts: changes, strippedFields } = parseSeedPeerChanges(body);
    const input = { atMs: this.clock.nowMs(), seedPeerId, changes };
    await this.writer.execute('update-seed-peer', input);
    warnOfStripped(response, strippedFields);
    return this.requireSeedPeer(seedPeerId);
  }

  async moveSeedPeer(seedPeerId: number, clusterId: number): Promise<void> {
    const input = { atMs: this.clock.nowMs(), seedPeerId, changes: { clusterId } };
    await this.writer.execute('update-seed-peer', input);
  }

  async removeSeedPeer(seedPeerId: number): Promise<void> {
    await this.writer.execute('delete-seed-peer', { atMs: this.clock.nowMs(), seedPeerId });
  }

  /** @throws NotFoundError (`HOST_NOT_FOUND`). */
  async requireHost(hostRowId: number): Promise<PeerRecord> {
    const everyone = { page: 1, perPage: PER_PAGE_MAX };
    const { items } = await this.reader.listPeers(this.clock.nowMs(), {}, everyone);
    const found = items.find(({ id }) => id === hostRowId);
    return required(found, 'HOST_NOT_FOUND', `host ${hostRowId}`);
  }

  async createHost(body: unknown, response: Response): Promise<PeerRecord> {
    const { facts, strippedFields } = parseNewHost(body);
    const input = { ...facts, atMs: this.clock.nowMs() };
    const { id } = await this.writer.execute('create-host', input);
    warnOfStripped(response, strippedFields);
    return this.requireHost(id);
  }

  async removeHost(hostRowId: number): Promise<void> {
    await this.writer.execute('delete-host', { atMs: this.clock.nowMs(), hostRowId });
  }
}

function required<T>(row: T | undefined, code: string, what: string): T {
  if (row !== undefined) return row;
  throw new NotFoundError(code, `There is no ${what}.`);
}
