/** `pondhawk.v1.FleetSync`: the streams of the hosts that this scheduler is home of. */

import { EventEmitter, once } from 'node:events';
import {
  ENTRIES_PER_MESSAGE_MAX,
  fromLogState,
  fromPurgeEntry,
  toHex16,
  type commonV2,
  type pondhawkV1,
} from '@pondhawk/contracts';
import {
  ConflictError,
  InvalidArgumentError,
  parseHostId,
  toError,
  UnavailableError,
  type Clock,
  type HostId,
} from '@pondhawk/core';
import type { LogState } from '@pondhawk/purge';
import type { ServiceHandlers } from '@pondhawk/rpc';
import { Mailbox } from '../announcing/mailbox.js';
import type { Holders } from '../inventory/holders.js';
import type { Enrolment } from './enrolment.js';
import { HostConnection } from './host-connection.js';
import type { LaterReports } from './later-reports.js';
import { LeaseDesk } from './lease-desk.js';
import type { ManagerCalls } from './manager-calls.js';
import type { PurgeFeed } from './purge-feed.js';
import type { ViewLoop } from './view-loop.js';

/** How often it is looked for hosts that ask for no lease. */
const SILENCE_LOOK_MS = 200;
/** Former starts that a host may name; a data folder remembers no more. */
const OUTLIVED_MAX = 16;

type Request = pondhawkV1.SyncRequest;
type Response = pondhawkV1.SyncResponse;

/** What the connections work with. */
export interface HostConnectionsParts {
  readonly manager: ManagerCalls;
  readonly feed: PurgeFeed;
  readonly enrolment: Enrolment;
  readonly later: LaterReports;
  readonly holders: Holders;
  readonly views: ViewLoop;
  readonly clock: Clock;
}

interface Hello {
  readonly host: commonV2.Host;
  readonly hostId: HostId;
  readonly incarnation: string;
  readonly former: string;
  readonly lock: string;
  readonly outlived: readonly string[];
  readonly position: { readonly epoch: string; readonly applied: number; readonly hash: string };
}

/** All open streams, one a host. */
export class HostConnections {
  private readonly open = new Map<HostId, HostConnection>();
  private readonly events = new EventEmitter().setMaxListeners(0);

  private readonly desk: LeaseDesk;
  private readonly gone = new WeakSet<HostConnection>(); // Reported lost already.
  /** Connections that were closed because their hosts asked for no lease. */
  silentCount = 0;
  private readonly enrolling = new Map<HostConnection, Promise<void>>(); // Again; settle without failure.
  private silence: NodeJS.Timeout | undefined; // Between the first connection and `stop`.

  constructor(private readonly parts: HostConnectionsParts) {
    const { views, feed } = parts;
    const enrolAgain = (connection: HostConnection): void => void this.enrolAgain(connection);
    const endWaiver = (told: pondhawkV1.WaiverEnd): void => parts.enrolment.endWaiver(told);
    this.desk = new LeaseDesk({ views, feed, enrolAgain, endWaiver });
    parts.enrolment.tellOpen(() => [...this.open.values()].map(({ connection }) => connection));
    parts.feed.onChange(() => {
      for (const connection of this.open.values()) connection.pump();
    });
    parts.enrolment.onNewRun(() => {
      for (const connection of this.open.values()) void this.enrolAgain(connection);
    });
  }

  /** What was asked for leases, and what came of it. */
  get leases(): LeaseDesk['counts'] {
    return this.desk.counts;
  }

  /** Ends what runs in the background. */
  stop(): void {
    clearInterval(this.silence);
  }

  /** Number of open streams. */
  get count(): number {
    return this.open.size;
  }

  /** All open streams. */
  list(): Iterable<HostConnection> {
    return this.open.values();
  }

  /** The stream of a host. */
  find(hostId: HostId): HostConnection | undefined {
    return this.open.get(hostId);
  }

  /** The stream of a host, as soon as it is there; undefined when `signal` is aborted before. */
  async whenOpen(hostId: HostId, signal: AbortSignal): Promise<HostConnection | undefined> {
    while (!this.open.has(hostId) && !signal.aborted) {
      await once(this.events, `open ${hostId}`, { signal }).catch(() => undefined); // Aborted, as the loop sees.
    }
    return this.open.get(hostId);
  }

  /** Has the rows of all hosts with a stream written anew. @returns how many those are. */
  async tellAll(): Promise<number> {
    const there = [...this.open.values()];
    // Those whose first row is not written yet are being told already.
    const enrolled = there.filter(({ enrolment }) => enrolment !== undefined);
    await Promise.all(enrolled.map((connection) => this.enrolAgain(connection)));
    return there.length;
  }

  /** The handlers of one listener. */
  handlers(): ServiceHandlers<pondhawkV1.FleetSyncService> {
    return {
      sync: (requests) => this.sync(requests),
      listEntries: async (request) => this.listEntries(request),
    };
  }

  private async *sync(requests: AsyncIterable<Request>): AsyncGenerator<Response, void, undefined> {
    const outbox = new Mailbox<Response>();
    // Ends by itself once the stream has ended; what goes wrong in it ends the stream.
    void this.read(requests, outbox);
    try {
      yield* outbox;
    } finally {
      outbox.close();
    }
  }

  private async read(requests: AsyncIterable<Request>, outbox: Mailbox<Response>): Promise<void> {
    let connection: HostConnection | undefined;
    let hasLeft = false;
    try {
      for await (const { request } of requests) {
        if (connection === undefined) connection = this.connect(parseHello(request), outbox);
        else if (request?.$case === 'goodbye') hasLeft = true;
        else if (!connection.hasEnded) this.take(connection, request);
      }
      outbox.close();
    } catch (thrown) {
      outbox.close(toError(thrown));
    } finally {
      if (connection !== undefined) this.disconnect(connection, hasLeft);
    }
  }

  /** @throws InvalidArgumentError as `Holders.take`: a host that talks nonsense loses its stream. */
  private take(connection: HostConnection, request: Request['request']): void {
    switch (request?.$case) {
      case 'outcomes':
        return connection.take(request.value);
      case 'inventory':
        return this.parts.holders.take(connection.hostId, request.value);
      case 'leaseRequest':
        connection.heardAtMs = this.parts.clock.monotonicMs();
        connection.noteApplied(Number(request.value.applied));
        return this.desk.answer(connection, request.value);
      case 'answer':
        return connection.questions.take(request.value);
      default:
        return; // Of a newer host, or hello again.
    }
  }

  /** @throws ConflictError (`HOST_ID_IN_USE`). */
  private connect(hello: Hello, outbox: Mailbox<Response>): HostConnection {
    const { hostId, incarnation, former, lock } = hello;
    const standing = this.open.get(hostId);
    if (standing !== undefined) {
      // A daemon that restarted proves by its data folder's lock that it is the one from before.
      if (standing.incarnation !== incarnation && standing.incarnation !== former) {
        throw new ConflictError(
          'HOST_ID_IN_USE',
          `Another daemon is connected as ${hostId}. Give each host a name and data folder of its own.`,
          { details: { field: 'hello.host.id' } },
        );
      }
      standing.close();
    }
    const connection = new HostConnection({
      hostId,
      host: hello.host,
      incarnation,
      lock,
      outlived: hello.outlived,
      connection: this.parts.enrolment.nextConnection(),
      feed: this.parts.feed,
      outbox,
      onLater: (outcome, epoch) =>
        this.parts.later.add({
          ...{ hostId, outcome, epoch },
          incarnation: Buffer.from(incarnation, 'hex'),
          lock: Buffer.from(lock, 'hex'),
        }),
    });
    this.open.set(hostId, connection);
    this.silence ??= setInterval(() => this.closeSilent(), SILENCE_LOOK_MS).unref();
    this.parts.holders.connect(hostId, incarnation, hello.host);
    this.events.emit(`open ${hostId}`);
    this.enrol(connection, hello).catch((thrown: unknown) => connection.close(toError(thrown)));
    return connection;
  }

  private async enrol(connection: HostConnection, hello: Hello): Promise<void> {
    const { host, position } = hello;
    const { log, reading } = await this.parts.enrolment.open(host, connection.connection, hello);
    connection.enrolment = reading;
    connection.heardAtMs = this.parts.clock.monotonicMs();
    connection.begin(await this.checkHistory(log, hello), position);
    connection.askInventory(this.parts.holders.stateOf(hello.hostId));
  }

  /** Never rejects: the stream goes on either way, and a failure is one of an ended connection. */
  private enrolAgain(standing: HostConnection): Promise<void> {
    const underWay = this.enrolling.get(standing);
    if (underWay !== undefined) return underWay;
    const { host, connection } = standing;
    const enrolling = this.parts.enrolment
      .open(host, connection, standing)
      .then(
        ({ reading }) => void (standing.enrolment = reading),
        () => undefined,
      )
      .finally(() => this.enrolling.delete(standing));
    this.enrolling.set(standing, enrolling);
    return enrolling;
  }

  /** A host that knows a number otherwise proves that the ledger is not the one it was. */
  private async checkHistory(state: LogState, { hostId, position }: Hello): Promise<LogState> {
    const { feed, manager } = this.parts;
    const { epoch, applied, hash } = position;
    const isComparable = epoch === state.epoch && applied > 0 && applied >= state.first;
    if (!isComparable || hash === '' || (await feed.hashAt(applied)) === hash) return state;
    const { log } = await manager.reportOtherHistory({
      logEpoch: Buffer.from(epoch, 'hex'),
      hostId,
      seq: BigInt(applied),
      chainHash: hash,
    });
    return feed.adopt(log);
  }

  /** A host that asks for no lease is not there, or does not know that it is connected. */
  private closeSilent(): void {
    const { views, clock } = this.parts;
    const { hostLeaseMs } = views;
    if (hostLeaseMs === undefined) return;
    for (const connection of this.open.values()) {
      const heardAtMs = connection.heardAtMs ?? Infinity;
      if (clock.monotonicMs() - heardAtMs < hostLeaseMs) continue;
      this.silentCount += 1;
      connection.close(
        new UnavailableError(
          'HOST_SILENT',
          `No request for a lease came for ${hostLeaseMs} ms; connect again.`,
        ),
      );
      // Not left to the end of the stream, which a host that stands still does not see.
      this.disconnect(connection, false);
    }
  }

  private disconnect(connection: HostConnection, hasLeft: boolean): void {
    if (this.gone.has(connection)) return;
    this.gone.add(connection);
    connection.close();
    const { hostId, connection: number } = connection;
    if (this.open.get(hostId) === connection) {
      this.open.delete(hostId);
      if (hasLeft) this.parts.holders.forget(hostId);
      else this.parts.holders.disconnect(hostId);
    }
    this.parts.enrolment.close(hostId, number, hasLeft);
  }

  private async listEntries(
    request: pondhawkV1.ListEntriesRequest,
  ): Promise<pondhawkV1.ListEntriesResponse> {
    const { feed } = this.parts;
    const limit = Math.min(request.limit || ENTRIES_PER_MESSAGE_MAX, ENTRIES_PER_MESSAGE_MAX);
    const isSameLog = feed.state?.epoch === toHex16(request.logEpoch, 'log_epoch');
    const entries = isSameLog ? await feed.after(Number(request.after), limit) : [];
    if (feed.state === undefined) {
      throw new UnavailableError(
        'PURGE_LOG_UNKNOWN',
        'The manager has not told the purge log yet.',
      );
    }
    return { log: fromLogState(feed.state), entries: entries.map(fromPurgeEntry) };
  }
}

/** @throws InvalidArgumentError (`HELLO_MISSING`, and others that name the field). */
function parseHello(request: Request['request']): Hello {
  if (request?.$case !== 'hello') {
    throw new InvalidArgumentError('HELLO_MISSING', 'The first message must be hello.', {
      details: { field: 'request' },
    });
  }
  const hello = request.value;
  const { host } = hello;
  if (host === undefined) {
    throw new InvalidArgumentError('INVALID_HOST', 'hello.host must be set.', {
      details: { field: 'hello.host' },
    });
  }
  return {
    host,
    hostId: parseHostId(host.id, 'hello.host.id'),
    incarnation: toHex16(hello.incarnation, 'hello.incarnation'),
    former: Buffer.from(hello.formerIncarnation).toString('hex'),
    lock: Buffer.from(hello.lock).toString('hex'),
    outlived: hello.outlived
      .slice(0, OUTLIVED_MAX)
      .map((start) => toHex16(start, 'hello.outlived')),
    position: {
      epoch: toHex16(hello.logEpoch, 'hello.log_epoch'),
      applied: Number(hello.applied),
      hash: hello.appliedHash,
    },
  };
}
