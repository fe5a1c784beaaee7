import { setTimeout as delay } from 'node:timers/promises';
import { pondhawkV1, toHex16, toLogState, toPurgeEntry, type commonV2 } from '@pondhawk/contracts';
import {
  PondhawkError,
  toError,
  WakeLoop,
  type Incarnation,
  type RandomSource,
} from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import { callBidi, callUnary, type BidiCall, type Client } from '@pondhawk/rpc';
import type { LogState, Place } from '@pondhawk/purge';
import type { SqliteCopies } from '../copies/index.js';
import type { LeaseGate } from '../lease/index.js';
import type { PurgeAnswer, PurgeLog } from '../purge-log/index.js';
import type { InventoryJournal } from './inventory-journal.js';
import { InventoryTeller } from './inventory-teller.js';
import { type LeaseRequestParts, LeaseRequests } from './lease-requests.js';
import { answerQuestion } from './question-answers.js';

type Call = BidiCall<pondhawkV1.SyncRequest, pondhawkV1.SyncResponse>;

/** After a stream was lost or another scheduler became home, hosts come within this time, each at a moment of its own. */
export const RECONNECT_SPREAD_MS = 5_000;
/** A home that cannot be reached is tried again, or another one, after this. */
const RETRY_MS = 500;
/** A scheduler that knows no such stream is asked again after this. */
const FOREIGN_RETRY_MS = 60_000;
/** How often it is looked whether another scheduler has become home. */
const HOME_CHECK_MS = 1_000;
/** Longest wait at the start for what was missed. */
const CATCH_UP_MS_MAX = 3_000;
const CATCH_UP_LOOK_MS = 20;
const OUTCOMES_PER_MESSAGE_MAX = 500;
const ENTRIES_PER_CALL_MAX = 500;
const CALL_TIMEOUT_MS = 3_000;

/** A scheduler that may be home. */
export interface HomeScheduler {
  readonly id: number;
  readonly address: string;
  readonly client: Client;
}

/** What the stream works with. */
export interface FleetSyncParts {
  readonly host: () => commonV2.Host;
  readonly incarnation: Incarnation;
  /** Whose data folder this start took over for certain; empty if nobody's. */
  readonly formerIncarnation: string;
  /** Starts that held its lock before in this boot, newest first. */
  readonly outlived: readonly string[];
  /** Of the data folder; empty if it cannot be told from a copy of it. */
  readonly folderLock: string;
  readonly purges: PurgeLog;
  /** Opened by the leases that the home grants. */
  readonly gate: LeaseGate;
  /** Told of each grant and refusal, for metrics. */
  readonly onLease: Pick<LeaseRequestParts, 'onGranted' | 'onRefused'>;
  /** The home of this host among the schedulers that can be reached; undefined while there is none. */
  readonly findHome: () => HomeScheduler | undefined;
  readonly rows: SqliteCopies;
  readonly journal: InventoryJournal;
  readonly random: RandomSource;
  /** Resolves after `ms`, or when `signal` is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: Log;
}

/**
 * The stream to the home scheduler. *Searching*: no home is known or it cannot be reached.
 * *Greeted*: hello is sent, the scheduler enrols the host. *Following*: the log was named; entries
 * are applied as they come and answered as their files are gone; leases are asked for; the home is told
 * what this host stores, and asks. A lost stream, or another home, leads back to searching; on the way to another
 * home the present stream is kept until the moment of the move.
 */
export class FleetSync {
  private readonly abort = new AbortController();
  private running: Promise<void> | undefined;
  private call: Call | undefined; // The open stream.
  private home: HomeScheduler | undefined; // Where it leads.
  private isFollowed = false; // The scheduler has named the log on this stream.
  private head = 0; // Of the log, as it was named.
  private lastTrouble = ''; // Told once in a row.
  private answers = new Map<number, PurgeAnswer>(); // To be told, by number.
  private readonly telling = new WakeLoop(() => this.sendAnswers());
  private readonly inventory: InventoryTeller;
  private readonly leases: LeaseRequests;

  constructor(private readonly parts: FleetSyncParts) {
    this.inventory = new InventoryTeller(parts.rows, parts.journal);
    const place = (): Place => parts.purges.position;
    this.leases = new LeaseRequests({ gate: parts.gate, place, ...parts.onLease });
  }

  /** Whether the home scheduler has enrolled this host. */
  get isFollowing(): boolean {
    return this.isFollowed;
  }

  /** Why this host has no home at present; empty while it has one. */
  get trouble(): string {
    return this.isFollowed ? '' : this.lastTrouble;
  }

  /** Starts to search for the home, and waits a moment until what this host has missed is applied and it has a lease. */
  async start(): Promise<void> {
    const { purges } = this.parts;
    const { epoch } = purges.position;
    for (const { seq, taskId } of purges.listUntold()) {
      this.tellWhenKnown(epoch, seq, purges.answerOf(seq, taskId));
    }
    this.running = this.run();
    const hasHome = this.parts.findHome() !== undefined;
    for (let waitedMs = 0; hasHome && waitedMs < CATCH_UP_MS_MAX; waitedMs += CATCH_UP_LOOK_MS) {
      const hasCaughtUp = this.isFollowed && this.parts.purges.position.applied >= this.head;
      if ((hasCaughtUp && this.parts.gate.isOpen) || this.lastTrouble !== '') return;
      await delay(CATCH_UP_LOOK_MS);
    }
  }

  /** Ends the stream; with `sayGoodbye` the host is no target until it comes back. */
  async stop({ sayGoodbye }: { readonly sayGoodbye: boolean }): Promise<void> {
    this.abort.abort();
    if (sayGoodbye && this.isFollowed) {
      // First: once it has left, no purge waits for this host.
      this.leases.stop();
      this.parts.gate.surrender();
      await this.call?.send({ request: { $case: 'goodbye', value: {} } }).catch(() => undefined); // It is gone already.
      this.call?.end();
      await Promise.race([this.running, delay(CALL_TIMEOUT_MS, undefined, { ref: false })]);
    }
    this.call?.cancel();
    await this.running;
  }

  /** Asks the home scheduler for entries that a call has named before the stream brought them. */
  async fetch(): Promise<void> {
    const { purges } = this.parts;
    const home = this.home ?? this.parts.findHome();
    if (home === undefined) return;
    const { epoch, applied } = purges.position;
    const { entries } = await callUnary(
      home.client,
      pondhawkV1.FleetSyncService.listEntries,
      { logEpoch: Buffer.from(epoch, 'hex'), after: BigInt(applied), limit: ENTRIES_PER_CALL_MAX },
      { timeoutMs: CALL_TIMEOUT_MS, signal: this.abort.signal },
    );
    this.apply(epoch, entries);
  }

  private async run(): Promise<void> {
    while (!this.isStopped()) {
      const home = this.parts.findHome();
      let pauseMs = RETRY_MS;
      if (home !== undefined) {
        const wasFollowed = await this.follow(home);
        if (wasFollowed === 'foreign') pauseMs = FOREIGN_RETRY_MS;
        else if (wasFollowed === 'lost') pauseMs = this.parts.random() * RECONNECT_SPREAD_MS;
        else if (wasFollowed === 'moved') pauseMs = 0;
      }
      await this.pause(pauseMs);
    }
  }

  /** One stream, to its end. */
  private async follow(home: HomeScheduler): Promise<'unreached' | 'lost' | 'moved' | 'foreign'> {
    const call = callBidi(home.client, pondhawkV1.FleetSyncService.sync, {});
    this.call = call;
    this.home = home;
    const ended = new AbortController();
    const moving = this.leaveWhenMoved(home, call, ended.signal);
    let trouble: Error | undefined;
    try {
      await call.send({ request: { $case: 'hello', value: this.hello() } });
      for await (const { response } of call.responses) this.take(response, call, ended.signal);
    } catch (thrown) {
      trouble = toError(thrown);
    } finally {
      ended.abort();
      this.leases.stop();
      call.cancel();
    }
    const wasFollowed = this.isFollowed;
    this.call = undefined;
    this.home = undefined;
    this.isFollowed = false;
    if (await moving) return 'moved';
    if (!this.isStopped() && trouble !== undefined) this.tellTrouble(home, trouble);
    if (trouble instanceof PondhawkError && trouble.code === 'UNIMPLEMENTED') return 'foreign';
    return wasFollowed ? 'lost' : 'unreached';
  }

  /**
   * Gives the stream up when another scheduler has become home, at a moment of this host's own. A
   * home that dies ends the stream itself, and is no move: its hosts would all come to the next one
   * in the same instant.
   *
   * @returns whether it did, once the stream has ended.
   */
  private async leaveWhenMoved(
    home: HomeScheduler,
    call: Call,
    ended: AbortSignal,
  ): Promise<boolean> {
    const { sleep, random } = this.parts;
    const hasMoved = (): boolean => !ended.aborted && this.hasMovedFrom(home);
    while (!ended.aborted) {
      await sleep(HOME_CHECK_MS, ended);
      if (!hasMoved()) continue;
      await sleep(random() * RECONNECT_SPREAD_MS, ended);
      if (!hasMoved()) continue;
      call.cancel();
      return true;
    }
    return false;
  }

  private hasMovedFrom(home: HomeScheduler): boolean {
    const now = this.parts.findHome();
    return now !== undefined && now.id !== home.id;
  }

  private hello(): pondhawkV1.SyncHello {
    const { epoch, applied, hash } = this.parts.purges.position;
    return {
      host: this.parts.host(),
      incarnation: Buffer.from(this.parts.incarnation, 'hex'),
      logEpoch: Buffer.from(epoch, 'hex'),
      applied: BigInt(applied),
      appliedHash: hash,
      formerIncarnation: Buffer.from(this.parts.formerIncarnation, 'hex'),
      lock: Buffer.from(this.parts.folderLock, 'hex'),
      outlived: this.parts.outlived.map((start) => Buffer.from(start, 'hex')),
    };
  }

  private take(
    response: pondhawkV1.SyncResponse['response'],
    call: Call,
    ended: AbortSignal,
  ): void {
    if (response?.$case === 'log') {
      this.takeLog(toLogState(response.value), call);
    } else if (response?.$case === 'grant') {
      this.leases.take(response.value);
    } else if (response?.$case === 'entries') {
      const { logEpoch, entries } = response.value;
      this.apply(toHex16(logEpoch, 'log_epoch'), entries);
    } else if (response?.$case === 'inventory') {
      const send = (value: pondhawkV1.SyncInventory): Promise<void> =>
        call.send({ request: { $case: 'inventory', value } });
      this.inventory.tell(send, response.value, ended).catch((thrown: unknown) => {
        if (ended.aborted) return; // The stream has ended, as its reader tells.
        this.parts.log.error('inventory not told', { err: toError(thrown) });
        call.cancel(); // It is told on the next stream.
      });
    } else if (response?.$case === 'question') {
      const value = answerQuestion(this.parts.rows, response.value);
      call.send({ request: { $case: 'answer', value } }).catch(() => undefined); // As above.
    }
  }

  private takeLog(state: LogState, call: Call): void {
    const { purges, gate } = this.parts;
    const isOther = purges.position.epoch !== state.epoch;
    if (isOther) {
      this.answers.clear();
      gate.leaveLog();
    }
    purges.adopt(state);
    this.head = state.head;
    if (!this.isFollowed) this.askForLeases(call);
    else if (isOther) this.leases.again();
    this.isFollowed = true;
    this.lastTrouble = '';
    this.tellAnswers();
  }

  private askForLeases(call: Call): void {
    this.leases.start((value) => {
      call.send({ request: { $case: 'leaseRequest', value } }).catch(() => undefined); // As above.
    });
  }

  private apply(epoch: string, messages: readonly pondhawkV1.PurgeEntry[]): void {
    const answers = this.parts.purges.take(epoch, messages.map(toPurgeEntry));
    for (const [seq, coming] of answers) this.tellWhenKnown(epoch, seq, coming);
  }

  private tellWhenKnown(epoch: string, seq: number, coming: Promise<PurgeAnswer>): void {
    void coming.then((answer) => {
      if (this.parts.purges.position.epoch !== epoch) return;
      this.answers.set(seq, answer);
      this.tellAnswers();
    });
  }

  private tellAnswers(): void {
    this.telling.wake();
  }

  private async sendAnswers(): Promise<void> {
    // What becomes known in this turn travels together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.answers.size > 0 && this.call !== undefined && this.isFollowed) {
      const batch = [...this.answers].slice(0, OUTCOMES_PER_MESSAGE_MAX);
      const logEpoch = Buffer.from(this.parts.purges.position.epoch, 'hex');
      const outcomes = batch.map(([seq, answer]) => toOutcome(seq, answer));
      try {
        await this.call.send({ request: { $case: 'outcomes', value: { logEpoch, outcomes } } });
      } catch {
        return; // The stream has ended, as its reader tells; they are told on the next.
      }
      for (const [seq, answer] of batch) {
        if (this.answers.get(seq) === answer) this.answers.delete(seq);
      }
      this.parts.purges.markTold(
        batch.flatMap(([seq, answer]) => (answer.outcome === 'deleted' ? [seq] : [])),
      );
    }
  }

  private tellTrouble(home: HomeScheduler, error: Error): void {
    const text = `${home.address}: ${error.message}`;
    if (text !== this.lastTrouble) {
      this.parts.log.warn('home scheduler lost', { address: home.address, err: error });
    }
    this.lastTrouble = text;
  }

  private isStopped(): boolean {
    return this.abort.signal.aborted;
  }

  private async pause(ms: number): Promise<void> {
    await this.parts.sleep(ms, this.abort.signal);
  }
}

function toOutcome(seq: number, answer: PurgeAnswer): pondhawkV1.PurgeOutcome {
  const isFailed = answer.outcome === 'failed';
  return {
    seq: BigInt(seq),
    outcome: answer.outcome,
    copies: isFailed ? 0 : answer.copies,
    deletedBytes: isFailed ? 0n : BigInt(answer.deletedBytes),
    code: isFailed ? answer.code : '',
    message: isFailed ? answer.message : '',
  };
}
