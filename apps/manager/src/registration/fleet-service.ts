import { randomBytes } from 'node:crypto';
import {
  ENTRIES_PER_MESSAGE_MAX,
  fromLogState,
  fromPurgeEntry,
  fromWaiver,
  toHex16,
  toHostRecord,
  type pondhawkV1,
} from '@pondhawk/contracts';
import { type Clock, InvalidArgumentError, NotFoundError, parseHostId } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { LeaseLengths } from '@pondhawk/purge';
import type { CallContext, ServiceHandlers } from '@pondhawk/rpc';
import type { HostProgress } from './host-progress.js';
import type { PreheatPlanner } from '../jobs/preheat-planner.js';
import type { LedgerReader, LedgerWriter, OpenedConnection, RecordLater } from '../ledger/index.js';

type Handlers = ServiceHandlers<typeof pondhawkV1.FleetService>;

/** Most connections or outcomes of one call. */
export const ENROLLED_PER_CALL_MAX = 500;
/** Most former starts that one connection names. */
const OUTLIVED_MAX = 16;
const EPOCH_BYTES = 16;

/** What the service works with. */
export interface FleetServiceParts {
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter;
  readonly clock: Clock;
  readonly leases: LeaseLengths;
  readonly log: Log;
  readonly progress: HostProgress;
  readonly planner: PreheatPlanner;
}

/** `pondhawk.v1.Fleet`: what only our own schedulers ask. */
export class FleetService implements Handlers {
  /** This start of the manager. */
  private readonly run = randomBytes(EPOCH_BYTES);

  constructor(private readonly parts: FleetServiceParts) {}

  /** Under which names orders and reports travel. */
  async getBroker(): Promise<pondhawkV1.GetBrokerResponse> {
    const { epoch } = await this.parts.reader.loadBroker();
    return { epoch };
  }

  /** @throws what `PreheatPlanner.tell` does. */
  async getPreheat(
    request: pondhawkV1.GetPreheatRequest,
    { signal }: CallContext,
  ): Promise<pondhawkV1.GetPreheatResponse> {
    return this.parts.planner.tell(request, signal);
  }

  /** @throws NotFoundError (`INSTANCE_NOT_REGISTERED`), InvalidArgumentError (`TOO_MANY_ROWS`, `INVALID_HOST_ID`, `INVALID_EPOCH`). */
  async enrol(request: pondhawkV1.EnrolRequest): Promise<pondhawkV1.EnrolResponse> {
    checkCount(request.opened, 'opened');
    checkCount(request.closed, 'closed');
    checkCount(request.waiverEnds, 'waiver_ends');
    const state = await this.parts.writer.execute('enrol-hosts', {
      atMs: this.parts.clock.nowMs(),
      schedulerId: Number(request.schedulerId),
      clusterId: Number(request.schedulerClusterId),
      schedulerIncarnation: toHex16(request.schedulerIncarnation, 'scheduler_incarnation'),
      opened: request.opened.map(toOpened),
      closed: request.closed.map(({ hostId, connection, hasLeft }) => ({
        hostId,
        connection: Number(connection),
        hasLeft,
      })),
      told: request.waiverEnds.map(({ hostId, incarnation, logEpoch, number }) => ({
        hostId,
        incarnation: toHex16(incarnation, 'waiver_ends.incarnation'),
        epoch: toHex16(logEpoch, 'waiver_ends.log_epoch'),
        number: Number(number),
      })),
      ...(request.completeUpTo === 0n
        ? {}
        : {
            completeUpTo: Number(request.completeUpTo),
            stillOpen: request.stillOpen.map(Number),
          }),
    });
    return { log: fromLogState(state), run: this.run, waiver: fromWaiver(state.waiver) };
  }

  /** @throws ConflictError (`SCHEDULER_NOT_CURRENT`), InvalidArgumentError (`INVALID_EPOCH`). */
  async getView(request: pondhawkV1.GetViewRequest): Promise<pondhawkV1.GetViewResponse> {
    const { writer, clock, leases } = this.parts;
    const state = await writer.execute('issue-view', {
      atMs: clock.nowMs(),
      schedulerId: Number(request.schedulerId),
      clusterId: Number(request.schedulerClusterId),
      schedulerIncarnation: toHex16(request.schedulerIncarnation, 'scheduler_incarnation'),
    });
    return {
      ...{ log: fromLogState(state), run: this.run, ...leases },
      waiver: fromWaiver(state.waiver),
      allowForeignParents: state.allowsForeignParents,
    };
  }

  /** @throws NotFoundError (`CLUSTER_NOT_FOUND`). */
  async listPurges(request: pondhawkV1.ListPurgesRequest): Promise<pondhawkV1.ListPurgesResponse> {
    const clusterId = Number(request.schedulerClusterId);
    const limit = Math.min(request.limit || ENTRIES_PER_MESSAGE_MAX, ENTRIES_PER_MESSAGE_MAX);
    const after = Number(request.after);
    // Entries first: an epoch that changes in between is seen in the state, never missed.
    const entries = await this.parts.reader.listPurges(clusterId, { after, limit });
    return {
      log: fromLogState(await this.requireState(clusterId)),
      entries: entries.map(fromPurgeEntry),
    };
  }

  /** @throws InvalidArgumentError (`TOO_MANY_ROWS`, `INVALID_EPOCH`). */
  async reportLater(
    request: pondhawkV1.ReportLaterRequest,
  ): Promise<pondhawkV1.ReportLaterResponse> {
    checkCount(request.outcomes, 'outcomes');
    await this.parts.writer.execute('record-later', {
      atMs: this.parts.clock.nowMs(),
      clusterId: Number(request.schedulerClusterId),
      epoch: toHex16(request.logEpoch, 'log_epoch'),
      outcomes: request.outcomes.flatMap(toLater),
    });
    return {};
  }

  /** @throws InvalidArgumentError (`TOO_MANY_ROWS`, `INVALID_EPOCH`). */
  reportProgress(
    request: pondhawkV1.ReportProgressRequest,
  ): Promise<pondhawkV1.ReportProgressResponse> {
    checkCount(request.hosts, 'hosts');
    const clusterId = Number(request.schedulerClusterId);
    const epoch = toHex16(request.logEpoch, 'log_epoch');
    const toldAtMs = this.parts.clock.nowMs();
    for (const { hostId, applied, incarnation } of request.hosts) {
      this.parts.progress.note(clusterId, hostId, {
        ...{ epoch, toldAtMs, applied: Number(applied) },
        incarnation: Buffer.from(incarnation).toString('hex'),
      });
    }
    return Promise.resolve({});
  }

  /** @throws InvalidArgumentError (`INVALID_HOST_ID`, `INVALID_EPOCH`). */
  async reportOtherHistory(
    request: pondhawkV1.ReportOtherHistoryRequest,
  ): Promise<pondhawkV1.ReportOtherHistoryResponse> {
    const { writer, clock, log } = this.parts;
    const epoch = toHex16(request.logEpoch, 'log_epoch');
    // A scheduler that speaks of what it knows itself names no host.
    const hostId = request.hostId === '' ? 'scheduler' : parseHostId(request.hostId);
    const told = { hostId, seq: Number(request.seq) };
    const state = await writer.execute('renew-log-id', {
      atMs: clock.nowMs(),
      clusterId: Number(request.schedulerClusterId),
      epoch,
      ...told,
      chainHash: request.chainHash,
      newEpoch: randomBytes(EPOCH_BYTES).toString('hex'),
    });
    if (state.epoch !== epoch) log.error('a host knows another history of the purge log', told);
    return { log: fromLogState(state) };
  }

  private async requireState(
    clusterId: number,
  ): Promise<NonNullable<Awaited<ReturnType<LedgerReader['findLogState']>>>> {
    const state = await this.parts.reader.findLogState(clusterId);
    if (state !== undefined) return state;
    throw new NotFoundError('CLUSTER_NOT_FOUND', `There is no cluster ${clusterId}.`, {
      details: { field: 'scheduler_cluster_id', clusterId },
    });
  }
}

function toOpened(opened: pondhawkV1.OpenedConnection): OpenedConnection {
  const { host, incarnation, connection, lock, takesLeases, outlived } = opened;
  if (outlived.length > OUTLIVED_MAX) throw tooManyRows('opened.outlived', OUTLIVED_MAX);
  parseHostId(host?.id ?? '', 'opened.host.id');
  if (host === undefined) throw new TypeError('A host without an id was parsed.');
  return {
    host: toHostRecord(host),
    ...(incarnation.length === 0
      ? {}
      : { incarnation: toHex16(incarnation, 'opened.incarnation') }),
    connection: Number(connection),
    ...(takesLeases
      ? {
          leased: {
            folderLock: lock.length === 0 ? '' : toHex16(lock, 'opened.lock'),
            outlived: outlived.map((start) => toHex16(start, 'opened.outlived')),
          },
        }
      : {}),
  };
}

/** Of what a host says of a failure; the rest is cut off. */
const CODE_LENGTH_MAX = 128;
const MESSAGE_LENGTH_MAX = 1_024;

function toLater({ hostId, outcome, ...daemon }: pondhawkV1.LaterOutcome): RecordLater['outcomes'] {
  const incarnation = Buffer.from(daemon.incarnation).toString('hex');
  const lock = Buffer.from(daemon.lock).toString('hex');
  switch (outcome?.outcome) {
    case 'deleted':
    case 'absent':
    case 'failed':
      return [
        {
          ...{ hostId, seq: Number(outcome.seq), outcome: outcome.outcome },
          ...{ deletedBytes: Number(outcome.deletedBytes) },
          code: outcome.code.slice(0, CODE_LENGTH_MAX),
          message: outcome.message.slice(0, MESSAGE_LENGTH_MAX),
          daemon: { incarnation, lock },
        },
      ];
    default:
      return []; // Of a newer host; nothing that this version could show.
  }
}

function checkCount(rows: readonly unknown[], field: string): void {
  if (rows.length > ENROLLED_PER_CALL_MAX) throw tooManyRows(field, ENROLLED_PER_CALL_MAX);
}

function tooManyRows(field: string, max: number): InvalidArgumentError {
  return new InvalidArgumentError('TOO_MANY_ROWS', `${field} may have at most ${max} entries.`, {
    details: { field },
  });
}
