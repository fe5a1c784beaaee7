import { connectivityState } from '@grpc/grpc-js';
import {
  FORMERS_KEY,
  INCARNATION_KEY,
  type commonV2,
  pondhawkV1,
  schedulerV2,
} from '@pondhawk/contracts';
import { type CopyId, PondhawkError, type TaskId, parseTaskId, toError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import { Metadata, type Client, callUnary, createClient } from '@pondhawk/rpc';
import type { Copy, CopyStore } from '../copies/index.js';
import type { Admission } from './admission.js';
import { toCopyRecord } from './copy-record.js';
import type { HostFacts } from './host-facts.js';
import { findNewlyOwned, isOwner, type Owners } from './owned-copies.js';
import type { SchedulerAddress } from './scheduler-directory.js';

/** Copies of one announcement; the next one follows when it was answered. */
export const COPIES_PER_CALL_MAX = 100;
/** Pieces of one announcement, some 120 bytes each; a copy that has more goes alone. */
export const PIECES_PER_CALL_MAX = 4_000;
/** Copies and deletions that wait to be told; beyond it a new inventory tells them all. */
export const NEWS_WAITING_MAX = 10_000;
const CALL_TIMEOUT_MS = 3_000;
/** A scheduler that all hosts come back to at once takes its time. */
const COPIES_TIMEOUT_MS = 30_000;
/** A scheduler that is not there is tried again this often … */
const RETRY_MS = 1_000;
/** … and one that knows another daemon as this host, this often. */
const REFUSED_RETRY_MS = 5_000;

/** What a session works with. */
export interface SessionParts {
  readonly scheduler: SchedulerAddress;
  readonly facts: HostFacts;
  readonly host: commonV2.Host;
  readonly copies: CopyStore;
  readonly admission: Admission;
  readonly intervalMs: number;
  /** The schedulers among which tasks have their owners now. */
  readonly owners: () => Owners;
  /** Called when the scheduler was found or lost. */
  readonly onContact: () => void;
  readonly log: Log;
}

/**
 * This host at one scheduler.
 *
 * - lost: tries to announce the host every second.
 * - known: announces it each interval, and with their digests the complete copies of those tasks that
 *   the scheduler owns. On the way from lost to known, and so also after the scheduler was restarted,
 *   all of these; then new ones as they come, and those that it comes to own when schedulers come
 *   and go. Deletions are told to every scheduler, as it may have owned the task before. A broken
 *   connection leads back to lost at once.
 * - refused: the scheduler knows another daemon as this host; it is asked again every five seconds.
 *   While another one refuses, this one is told that the host leaves.
 */
export class SchedulerSession {
  readonly client: Client;
  private readonly abort = new AbortController();
  private running: Promise<void> | undefined;
  private isKnown = false;
  private hasTried = false; // To announce the host, with whatever success.
  private toldAmong: Owners | undefined; // Everything owned among these was told; undefined: nothing.
  private needsReview = true; // Something may be owned that was not told.
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

  /** Whether it counts as an owner of tasks: one not yet tried does, or the first that is found would be told everything. */
  get isCandidate(): boolean {
    return this.isKnown || !this.hasTried;
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
    if (sayGoodbye && this.isKnown) await this.sayGoodbye();
    this.parts.admission.clear(this.address);
    this.client.close();
  }

  /** Schedulers have come or gone: tells what this one has come to own, soon. */
  reviewOwned(): void {
    this.needsReview = true;
    this.wake();
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
    const { admission } = this.parts;
    while (!this.abort.signal.aborted) {
      if (admission.isRefusedElsewhere(this.address)) {
        await this.withdraw();
        await this.pause(RETRY_MS);
        continue;
      }
      const isRefused = !(await this.announce());
      if (this.isKnown && this.hasNews()) continue;
      if (isRefused) await this.pause(REFUSED_RETRY_MS);
      else await this.pause(this.isKnown ? this.parts.intervalMs : RETRY_MS);
    }
  }

  /** @returns false if the scheduler knows another daemon as this host. */
  private async announce(): Promise<boolean> {
    const { admission, log } = this.parts;
    try {
      await this.announceHost();
      admission.clear(this.address);
      await this.tellNews();
      return true;
    } catch (error) {
      const isRefused = error instanceof PondhawkError && error.code === 'HOST_ID_IN_USE';
      if (isRefused) admission.refuse(this.address, error.message);
      else admission.clear(this.address);
      if (this.isKnown) log.warn('scheduler lost', { address: this.address, err: toError(error) });
      this.lose();
      return !isRefused;
    }
  }

  /** Another scheduler refuses this daemon: none is to name it as a parent. */
  private async withdraw(): Promise<void> {
    if (!this.isKnown) return;
    this.lose();
    await this.sayGoodbye();
  }

  private async sayGoodbye(): Promise<void> {
    const request = { hostId: this.parts.facts.hostId };
    await callUnary(this.client, schedulerV2.SchedulerService.deleteHost, request, {
      timeoutMs: CALL_TIMEOUT_MS,
      metadata: this.metadata(),
    }).catch((error: unknown) => {
      this.parts.log.debug('scheduler not told of the leaving', { err: toError(error) });
    });
  }

  /** Says which start of the daemon speaks; goes with every call in the name of this host. */
  metadata(): Metadata {
    const { incarnation, formerIncarnations } = this.parts.facts;
    const metadata = new Metadata();
    metadata.set(INCARNATION_KEY, incarnation);
    if (formerIncarnations.length > 0) metadata.set(FORMERS_KEY, formerIncarnations.join(','));
    return metadata;
  }

  private async announceHost(): Promise<void> {
    const { host, intervalMs } = this.parts;
    const interval = {
      seconds: BigInt(Math.floor(intervalMs / 1000)),
      nanos: (intervalMs % 1000) * 1e6,
    };
    await this.call(schedulerV2.SchedulerService.announceHost, { host, interval });
    if (this.isKnown) return;
    this.isKnown = true;
    this.hasTried = true;
    this.parts.log.info('scheduler found', { address: this.address });
    this.watchConnection();
    this.parts.onContact();
  }

  /** A restarted scheduler has forgotten us: the connection's end shows it before the next announcement. */
  private watchConnection(): void {
    this.client.getChannel().watchConnectivityState(connectivityState.READY, Infinity, () => {
      if (!this.isKnown) return;
      this.lose();
      this.wake();
    });
  }

  private lose(): void {
    const wasCandidate = this.isCandidate;
    this.isKnown = false;
    this.hasTried = true;
    this.toldAmong = undefined;
    this.needsReview = true;
    if (wasCandidate) this.parts.onContact();
  }

  private hasNews(): boolean {
    return this.needsReview || this.newCopies.size > 0 || this.deletions.size > 0;
  }

  private async tellNews(): Promise<void> {
    if (this.needsReview) await this.sendOwned();
    for (const taskId of [...this.deletions]) {
      await this.sendDeleted(taskId);
      this.deletions.delete(taskId);
    }
    const news = [...this.newCopies];
    this.newCopies.clear(); // If the scheduler is lost meanwhile, all that it owns is told again.
    await this.sendCopies(news.flatMap((copyId) => this.parts.copies.findCopy(copyId) ?? []));
  }

  private async sendOwned(): Promise<void> {
    this.needsReview = false; // Set again by what changes meanwhile.
    const isAll = this.toldAmong === undefined;
    const owners = { now: this.parts.owners(), before: this.toldAmong };
    if (isAll) {
      this.newCopies.clear();
      this.deletions.clear();
      await this.announceCopies([], { inventoryStart: true });
    }
    for (const page of findNewlyOwned(this.parts.copies, this.id, owners)) {
      await this.sendCopies(page);
      await new Promise((resolve) => setImmediate(resolve)); // Others have their turn.
    }
    if (this.isKnown) this.toldAmong = owners.now;
  }

  private async sendCopies(copies: readonly Copy[]): Promise<void> {
    let batch: pondhawkV1.CopyRecord[] = [];
    let pieceCount = 0;
    for (const { copyId } of copies) {
      const copy = this.parts.copies.findCopy(copyId);
      if (copy?.state !== 'complete') continue; // Gone meanwhile.
      const record = toCopyRecord(copy, this.parts.copies.piecesOf(copyId));
      const isFull =
        batch.length === COPIES_PER_CALL_MAX ||
        pieceCount + record.pieces.length > PIECES_PER_CALL_MAX;
      if (isFull && batch.length > 0) {
        await this.announceCopies(batch);
        [batch, pieceCount] = [[], 0];
      }
      batch.push({ ...record, url: '', tag: '', application: '' });
      pieceCount += record.pieces.length;
    }
    if (batch.length > 0) await this.announceCopies(batch);
  }

  private async announceCopies(
    copies: pondhawkV1.CopyRecord[],
    { inventoryStart } = { inventoryStart: false },
  ): Promise<void> {
    const { hostId, incarnation: boot } = this.parts.facts;
    const incarnation = Buffer.from(boot, 'hex');
    await this.call(
      pondhawkV1.SwarmService.announceCopies,
      { hostId, incarnation, copies, inventoryStart },
      { timeoutMs: COPIES_TIMEOUT_MS },
    );
    // A deletion that was told meanwhile may have overtaken the announcement.
    for (const taskId of copies.map((copy) => parseTaskId(copy.taskId))) {
      if (this.parts.copies.findComplete(taskId) === undefined) this.deletions.add(taskId);
    }
  }

  private async sendDeleted(taskId: TaskId): Promise<void> {
    await this.call(schedulerV2.SchedulerService.deleteTask, {
      hostId: this.parts.facts.hostId,
      taskId,
    });
    // A copy begun after the deletion may have been told before it.
    const copy = this.parts.copies.findComplete(taskId);
    if (copy !== undefined && isOwner(this.parts.owners(), this.id, taskId)) {
      this.announceCopy(copy.copyId);
    }
  }

  private async call<M extends Parameters<typeof callUnary>[1]>(
    method: M,
    request: Parameters<typeof callUnary<M>>[2],
    options: { readonly timeoutMs?: number } = {},
  ): Promise<void> {
    const { signal } = this.abort;
    await callUnary(this.client, method, request, {
      timeoutMs: CALL_TIMEOUT_MS,
      signal,
      metadata: this.metadata(),
      ...options,
    });
  }

  private boundNews(): void {
    if (this.newCopies.size + this.deletions.size <= NEWS_WAITING_MAX) return;
    this.newCopies.clear();
    this.deletions.clear();
    this.toldAmong = undefined;
    this.needsReview = true;
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
