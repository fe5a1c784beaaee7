import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type commonV2, pondhawkV1, toLogState, toWaiver } from '@pondhawk/contracts';
import { backoffDelayMs, toError, UnavailableError, WakeLoop, type HostId } from '@pondhawk/core';
import type { LedgerReading, LogState } from '@pondhawk/purge';
import type { Log } from '@pondhawk/observability';
import type { ManagerCalls } from './manager-calls.js';
import type { PurgeFeed } from './purge-feed.js';

/** Connections that open or close within this time share a call. */
export const ENROLMENT_DELAY_MS = 50;
/** Connections of one call. */
const CONNECTIONS_PER_CALL_MAX = 500;
const RETRY_BACKOFF = { baseMs: 100, capMs: 2_000 };
const EPOCH_BYTES = 16;

/** A daemon that serves under leases. */
export interface LeasedDaemon {
  readonly incarnation: string;
  /** Its data folder's lock; empty if it cannot tell one folder from another. */
  readonly lock: string;
  /** Starts that held that lock before. */
  readonly outlived: readonly string[];
}

/** How the ledger stood after a connection's row was written. */
export interface Enrolled {
  /** As it is followed from here on. */
  readonly log: LogState;
  /** As the very answer said. */
  readonly reading: LedgerReading;
}

interface Waiting<T> {
  readonly done: (result: T) => void;
  readonly failed: (error: Error) => void;
}

interface WaitingOpening extends Waiting<Enrolled> {
  readonly opened: pondhawkV1.OpenedConnection;
}

/**
 * Has the manager write a row for every connection of a host, and take it back when it is lost.
 * Calls are made one after another; one that fails is made again, for ever, because a host that the
 * ledger does not know would be missing from every purge.
 */
export class Enrolment {
  /** This start of the scheduler. */
  readonly incarnation = randomBytes(EPOCH_BYTES);
  private connectionCount = 0;
  private readonly opening = new Map<string, WaitingOpening>(); // By host id.
  private closing: pondhawkV1.ClosedConnection[] = [];
  private waiverEnds: pondhawkV1.WaiverEnd[] = [];
  private isAnnounced = false; // Nothing is to be said beside connections.
  private managerRun = ''; // The start of the manager that answered last.
  private readonly listeners: (() => void)[] = [];
  private readonly listsOfOpen: (() => readonly number[])[] = [];
  private comparing: Waiting<void>[] = []; // Wait for the next first word, see `compare`.
  private readonly calling = new WakeLoop(() => this.callUntilDone());
  private readonly stopping = new AbortController();

  constructor(
    private readonly manager: ManagerCalls,
    private readonly feed: PurgeFeed,
    private readonly log: Log,
  ) {}

  /** Has every first word to a manager's start name the connections that are open, so that it knows others as lost. */
  tellOpen(list: () => readonly number[]): void {
    this.listsOfOpen.push(list);
  }

  /** Takes what a view says: where the log stands, and which start of the manager says so. */
  noteView(log: pondhawkV1.LogState | undefined, run: string): void {
    this.adopt(log).catch((thrown: unknown) => {
      this.log.warn('a view could not be followed', { err: toError(thrown) }); // The next one may be.
    });
    this.noteRun(run);
  }

  /** Asks the manager where the log stands, with what waits to be enrolled; connections of a former start of this scheduler are lost by it. */
  begin(): void {
    this.isAnnounced = false;
    this.calling.wake();
  }

  /**
   * Has the manager compare its rows with the connections that are open now: others of this scheduler are lost
   * by it. Resolves after its answer, however long that takes.
   *
   * @throws UnavailableError (`ENROLMENT_ENDED`) when the scheduler stops.
   */
  compare(): Promise<void> {
    return new Promise((done, failed) => {
      this.comparing.push({ done, failed });
      this.begin();
    });
  }

  /** Calls `listener` when the manager was started anew: what it knows of connections may be old. */
  onNewRun(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Numbers a new connection. */
  nextConnection(): number {
    this.connectionCount += 1;
    return this.connectionCount;
  }

  /**
   * Enrols a connection. @returns how the ledger stood after its row was written.
   *
   * @throws UnavailableError (`ENROLMENT_ENDED`) when the scheduler stops, or another connection of
   *   the host was opened meanwhile.
   */
  open(host: commonV2.Host, connection: number, daemon?: LeasedDaemon): Promise<Enrolled> {
    this.opening.get(host.id)?.failed(ended());
    return new Promise((done, failed) => {
      const opened = pondhawkV1.OpenedConnection.create({
        host,
        incarnation: Buffer.from(daemon?.incarnation ?? '', 'hex'),
        lock: Buffer.from(daemon?.lock ?? '', 'hex'),
        takesLeases: daemon !== undefined,
        outlived: (daemon?.outlived ?? []).map((start) => Buffer.from(start, 'hex')),
        connection: BigInt(connection),
      });
      this.opening.set(host.id, { opened, done, failed });
      this.calling.wake();
    });
  }

  /** Reports a connection lost. */
  close(hostId: HostId, connection: number, hasLeft: boolean): void {
    const waiting = this.opening.get(hostId);
    if (waiting?.opened.connection === BigInt(connection)) {
      this.opening.delete(hostId);
      waiting.failed(ended());
    }
    this.closing.push({ hostId, connection: BigInt(connection), hasLeft });
    this.calling.wake();
  }

  /** Reports that a daemon was told that it may not serve without a lease. */
  endWaiver(told: pondhawkV1.WaiverEnd): void {
    this.waiverEnds.push(told);
    this.calling.wake();
  }

  /** Ends it; what waits is given up. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.calling.idle();
    for (const { failed } of this.opening.values()) failed(ended());
    this.opening.clear();
    for (const { failed } of this.comparing) failed(ended());
    this.comparing = [];
  }

  private async callUntilDone(): Promise<void> {
    for (let failures = 0; !this.stopping.signal.aborted && this.hasWork();) {
      await this.pause(
        failures === 0 ? ENROLMENT_DELAY_MS : backoffDelayMs(failures, RETRY_BACKOFF, Math.random),
      );
      try {
        await this.callOnce();
        failures = 0;
      } catch (thrown) {
        failures += 1;
        if (failures === 1) this.log.warn('hosts cannot be enrolled now', { err: toError(thrown) });
      }
    }
  }

  private hasWork(): boolean {
    const waiting = this.opening.size + this.closing.length + this.waiverEnds.length;
    return !this.isAnnounced || waiting > 0;
  }

  private async callOnce(): Promise<void> {
    const opening = [...this.opening.values()].slice(0, CONNECTIONS_PER_CALL_MAX);
    const closed = this.closing.slice(0, CONNECTIONS_PER_CALL_MAX);
    const waiverEnds = this.waiverEnds.slice(0, CONNECTIONS_PER_CALL_MAX);
    const isFirst = !this.isAnnounced;
    const compared = isFirst ? [...this.comparing] : [];
    this.isAnnounced = true; // Unless it fails, or another start of the manager is seen meanwhile.
    const answer = await this.manager
      .enrol({
        schedulerIncarnation: this.incarnation,
        opened: opening.map(({ opened }) => opened),
        closed,
        waiverEnds,
        ...(isFirst
          ? {
              completeUpTo: BigInt(this.connectionCount),
              stillOpen: this.listsOfOpen.flatMap((list) => list()).map(BigInt),
            }
          : { completeUpTo: 0n, stillOpen: [] }),
      })
      .catch((thrown: unknown) => {
        this.isAnnounced &&= !isFirst;
        throw thrown;
      });
    this.closing = this.closing.slice(closed.length);
    this.waiverEnds = this.waiverEnds.slice(waiverEnds.length);
    const { epoch, head } = toLogState(answer.log);
    const run = Buffer.from(answer.run).toString('hex');
    const reading = { epoch, head, run, waiver: toWaiver(answer.waiver) };
    const enrolled = { log: await this.adopt(answer.log), reading };
    for (const waiting of opening) {
      const hostId = waiting.opened.host?.id ?? '';
      if (this.opening.get(hostId) === waiting) this.opening.delete(hostId);
      waiting.done(enrolled);
    }
    this.comparing = this.comparing.filter((waiting) => !compared.includes(waiting));
    for (const { done } of compared) done();
    // Last: those that were just enrolled are enrolled again, which does no harm.
    this.noteRun(run);
  }

  /** Takes the state over, or the one that follows when it is not of the history known here. */
  private async adopt(message: pondhawkV1.LogState | undefined): Promise<LogState> {
    const contradiction = this.feed.findContradiction(toLogState(message));
    if (contradiction === undefined) return this.feed.adopt(message);
    const { log } = await this.manager.reportOtherHistory({
      logEpoch: message?.logEpoch ?? Buffer.alloc(0),
      hostId: '',
      seq: BigInt(contradiction.seq),
      chainHash: contradiction.hash,
    });
    return this.feed.adopt(log);
  }

  private noteRun(run: string): void {
    const isNew = this.managerRun !== '' && this.managerRun !== run;
    this.managerRun = run;
    if (isNew) this.begin();
    if (isNew) for (const listener of this.listeners) listener();
  }

  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined); // Stopping.
  }
}

function ended(): UnavailableError {
  return new UnavailableError('ENROLMENT_ENDED', 'The connection ended before it was enrolled.');
}
