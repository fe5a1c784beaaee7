import { setTimeout as delay } from 'node:timers/promises';
import { connectivityState } from '@grpc/grpc-js';
import { INCARNATION_KEY, type commonV2, pondhawkV1, schedulerV2 } from '@pondhawk/contracts';
import { type CopyId, type TaskId, toError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import { Metadata, type Client, callUnary, createClient } from '@pondhawk/rpc';
import type { Copy, CopyStore } from '../copies/index.js';
import { toCopyRecord } from './copy-record.js';
import type { HostFacts } from './host-facts.js';
import type { SchedulerAddress } from './scheduler-directory.js';

/** Copies announced a second at most, one batch. */
export const COPIES_PER_SECOND_MAX = 50;
/** Copies and deletions that wait to be told; beyond it a new inventory tells them all. */
export const NEWS_WAITING_MAX = 10_000;
const CALL_TIMEOUT_MS = 3_000;
/** A scheduler that is not there is tried again this often. */
const RETRY_MS = 1_000;

/** What a session works with. */
export interface SessionParts {
  readonly scheduler: SchedulerAddress;
  readonly facts: HostFacts;
  readonly host: commonV2.Host;
  readonly copies: CopyStore;
  readonly intervalMs: number;
  readonly log: Log;
}

/**
 * This host at one scheduler.
 *
 * - lost: tries to announce the host every second.
 * - known: announces it each interval. On the way from lost to known, and so also after the
 *   scheduler was restarted, the whole inventory is sent; then copies and deletions as they come.
 *   A broken connection leads back to lost at once.
 */
export class SchedulerSession {
  readonly client: Client;
  private readonly abort = new AbortController();
  private running: Promise<void> | undefined;
  private isKnown = false;
  private needsInventory = true;
  private readonly newCopies = new Set<CopyId>(); // To be told when known.
  private readonly deletions = new Set<TaskId>(); // To be told when known.
  private wake: () => void = () => undefined; // Ends the present wait.

  constructor(private readonly parts: SessionParts) {
    this.client = createClient(parts.scheduler.address);
  }

  /** The scheduler's number, by which tasks find their owner. */
  get id(): number {
    return this.parts.scheduler.id;
  }

  get address(): string {
    return this.parts.scheduler.address;
  }

  /** Whether the last announcement was taken and the connection has held since. */
  get isConnected(): boolean {
    return this.isKnown;
  }

  /** Starts the loop. */
  start(): void {
    this.running = this.run();
  }

  /** Ends the loop; `sayGoodbye` tells the scheduler that the host leaves. */
  async stop({ sayGoodbye }: { readonly sayGoodbye: boolean }): Promise<void> {
    this.abort.abort();
    this.wake();
    await this.running;
    if (sayGoodbye && this.isKnown) {
      const request = { hostId: this.parts.facts.hostId };
      await callUnary(this.client, schedulerV2.SchedulerService.deleteHost, request, {
        timeoutMs: CALL_TIMEOUT_MS,
      }).catch((error: unknown) => {
        this.parts.log.debug('scheduler not told of the leaving', { err: toError(error) });
      });
    }
    this.client.close();
  }

  /** Tells of a copy that is complete, soon. */
  announceCopy(copyId: CopyId): void {
    this.newCopies.add(copyId);
    this.boundNews();
    this.wake();
  }

  /** Tells that this host holds nothing of a task; when that fails, again later. */
  async announceDeleted(taskId: TaskId): Promise<void> {
    try {
      await this.sendDeleted(taskId);
    } catch (error) {
      this.deletions.add(taskId);
      this.boundNews();
      throw error;
    }
  }

  private async run(): Promise<void> {
    while (!this.abort.signal.aborted) {
      try {
        await this.announceHost();
        await this.tellNews();
      } catch (error) {
        if (this.isKnown) {
          this.parts.log.warn('scheduler lost', { address: this.address, err: toError(error) });
        }
        this.isKnown = false;
        this.needsInventory = true;
      }
      await this.pause(this.isKnown ? this.parts.intervalMs : RETRY_MS);
    }
  }

  private async announceHost(): Promise<void> {
    const { host, intervalMs } = this.parts;
    const metadata = new Metadata();
    metadata.set(INCARNATION_KEY, this.parts.facts.incarnation);
    const interval = {
      seconds: BigInt(Math.floor(intervalMs / 1000)),
      nanos: (intervalMs % 1000) * 1e6,
    };
    await this.call(schedulerV2.SchedulerService.announceHost, { host, interval }, metadata);
    if (this.isKnown) return;
    this.isKnown = true;
    this.parts.log.info('scheduler found', { address: this.address });
    this.watchConnection();
  }

  /** A restarted scheduler has forgotten us: the connection's end shows it before the next announcement. */
  private watchConnection(): void {
    this.client.getChannel().watchConnectivityState(connectivityState.READY, Infinity, () => {
      if (!this.isKnown) return;
      this.isKnown = false;
      this.needsInventory = true;
      this.wake();
    });
  }

  private async tellNews(): Promise<void> {
    if (this.needsInventory) await this.sendInventory();
    for (const taskId of [...this.deletions]) {
      await this.sendDeleted(taskId);
      this.deletions.delete(taskId);
    }
    while (this.newCopies.size > 0) {
      const batch = [...this.newCopies].slice(0, COPIES_PER_SECOND_MAX);
      const copies = batch.map((copyId) => this.parts.copies.findCopy(copyId));
      await this.sendCopies(copies.filter(isComplete), {});
      for (const copyId of batch) this.newCopies.delete(copyId);
      if (this.newCopies.size > 0) await delay(1_000, undefined, this.abort);
    }
  }

  private async sendInventory(): Promise<void> {
    this.needsInventory = false; // Set again by what is lost meanwhile.
    this.newCopies.clear();
    this.deletions.clear();
    let isFirst = true;
    let batch: Copy[] = [];
    for (const copy of this.parts.copies.listCopies()) {
      if (!isComplete(copy)) continue;
      if (batch.length === COPIES_PER_SECOND_MAX) {
        await this.sendCopies(batch, { inventoryStart: isFirst });
        isFirst = false;
        batch = [];
        await delay(1_000, undefined, this.abort);
      }
      batch.push(copy);
    }
    await this.sendCopies(batch, { inventoryStart: isFirst, inventoryEnd: true });
  }

  private async sendCopies(
    copies: readonly Copy[],
    flags: { readonly inventoryStart?: boolean; readonly inventoryEnd?: boolean },
  ): Promise<void> {
    await this.call(pondhawkV1.SwarmService.announceCopies, {
      hostId: this.parts.facts.hostId,
      incarnation: Buffer.from(this.parts.facts.incarnation, 'hex'),
      copies: copies.map((copy) => toCopyRecord(copy, this.parts.copies.piecesOf(copy.copyId))),
      inventoryStart: flags.inventoryStart ?? false,
      inventoryEnd: flags.inventoryEnd ?? false,
    });
  }

  private async sendDeleted(taskId: TaskId): Promise<void> {
    await this.call(schedulerV2.SchedulerService.deleteTask, {
      hostId: this.parts.facts.hostId,
      taskId,
    });
  }

  private async call<M extends Parameters<typeof callUnary>[1]>(
    method: M,
    request: Parameters<typeof callUnary<M>>[2],
    metadata = new Metadata(),
  ): Promise<void> {
    await callUnary(this.client, method, request, {
      metadata,
      timeoutMs: CALL_TIMEOUT_MS,
      signal: this.abort.signal,
    });
  }

  private boundNews(): void {
    if (this.newCopies.size + this.deletions.size <= NEWS_WAITING_MAX) return;
    this.newCopies.clear();
    this.deletions.clear();
    this.needsInventory = true;
  }

  private async pause(ms: number): Promise<void> {
    if (this.abort.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = (): void => undefined;
  }
}

function isComplete(copy: Copy | undefined): copy is Copy {
  return copy?.state === 'complete';
}
