import {
  COPY_ID_KEY,
  LOG_ID_KEY,
  PIECES_KEY,
  type VortexRequest,
  type commonV2,
  dfdaemonV2,
} from '@pondhawk/contracts';
import { type HostId, NotFoundError, PondhawkError, type TaskId, toError } from '@pondhawk/core';
import { parsePieceNumber } from '@pondhawk/pieces';
import type { Log } from '@pondhawk/observability';
import { type Client, type Metadata, callServerStream, createClient } from '@pondhawk/rpc';
import type { ChangeSignal } from './change-signal.js';
import { type PieceReceiver, VortexConnection, isAnswer, refusalOf } from './vortex-connection.js';

/** Failed pieces after which a parent is dropped for the rest of the fill. */
export const PARENT_FAILURES_MAX = 3;
/** A parent without a lease is asked again after this … */
export const PARENT_REST_MS = 250;
/** … so often in a row, before it is dropped. */
export const PARENT_REFUSALS_MAX = 8;
/** Connections to one parent. */
export const PARENT_CONNECTIONS_MAX = 2;

/** What is asked of a parent, and on whose behalf. */
export interface ParentTask {
  readonly taskId: TaskId;
  readonly hostId: HostId;
  /** Where the fill stands in the purge log. */
  readonly logEpoch: string;
  readonly filledAt: number;
}

/**
 * A candidate parent during one fill: which pieces it has by now, and connections to fetch them.
 *
 * live, until it failed PARENT_FAILURES_MAX times, sent one wrong piece, or was stopped. *Resting* for a
 * moment each time it says that it has no lease.
 */
export class Parent {
  /** Pieces it has said it holds and not denied since. */
  readonly pieces = new Set<number>();
  /** Pieces on their way from it. */
  inFlight = 0;
  /** When it last told of a piece, or was met (monotonic). */
  newsAtMs = performance.now();
  private failures = 0;
  private refusals = 0; // In a row.
  private resting: NodeJS.Timeout | undefined; // Set while it is not asked.
  private readonly abort = new AbortController();
  private readonly idle: VortexConnection[] = [];
  private readonly open = new Set<VortexConnection>();
  private address: { host: string; port: number } | undefined;
  private copyId: string | undefined; // Set for our own peers, which take guarded requests.
  private hasEnded = false;
  private readonly client: Client;

  constructor(
    readonly peer: commonV2.Peer,
    private readonly task: ParentTask,
    private readonly change: ChangeSignal,
    private readonly log: Log,
  ) {
    this.client = createClient(`${peer.host?.ip ?? ''}:${peer.host?.port ?? 0}`);
  }

  get id(): string {
    return this.peer.id;
  }

  /** Whether it may be asked for pieces. */
  get isUsable(): boolean {
    return this.failures < PARENT_FAILURES_MAX && !this.abort.signal.aborted;
  }

  /** Whether it may still come to hold more pieces. */
  get mayLearnMore(): boolean {
    return this.isUsable && !this.hasEnded;
  }

  /** Whether a further piece may be asked of it now. */
  get hasRoom(): boolean {
    return this.inFlight < PARENT_CONNECTIONS_MAX && !this.isResting;
  }

  /** Whether it has just said that it has no lease. */
  get isResting(): boolean {
    return this.resting !== undefined;
  }

  /** Starts to listen for the pieces it has. */
  start(): void {
    this.listen()
      .catch((error: unknown) => {
        if (!this.abort.signal.aborted) {
          this.log.debug('parent tells no more', { parentId: this.id, err: toError(error) });
        }
      })
      .finally(() => {
        this.hasEnded = true;
        this.change.notify();
      });
  }

  /** Ends every connection. */
  stop(): void {
    this.abort.abort();
    clearTimeout(this.resting);
    for (const connection of this.open) connection.close();
    this.client.close();
  }

  /**
   * Fetches one piece.
   *
   * @throws as `VortexConnection.fetch`.
   */
  async fetch(pieceNumber: number, receiver: PieceReceiver): Promise<void> {
    this.inFlight += 1;
    let connection: VortexConnection | undefined;
    try {
      connection = this.idle.pop() ?? (await this.connect());
      await connection.fetch(this.requestFor(pieceNumber), receiver);
      this.idle.push(connection);
      this.refusals = 0;
    } catch (error) {
      // Before there is room again, so that nobody asks at once.
      if (refusalOf(toError(error)) === 'no_lease') this.rest();
      if (isAnswer(error) && connection !== undefined) this.idle.push(connection);
      else if (connection !== undefined) this.drop(connection);
      throw error;
    } finally {
      this.inFlight -= 1;
    }
  }

  /** Judges a failed piece: a piece it does not have is no fault, nor is the want of a lease, wrong bytes are the last ones taken from it. */
  blame(pieceNumber: number, error: Error): void {
    if (refusalOf(error) === 'no_lease') return; // It rests.
    this.pieces.delete(pieceNumber);
    if (error instanceof NotFoundError) return;
    const isWrong = error instanceof PondhawkError && error.kind === 'data-corruption';
    this.failures += isWrong ? PARENT_FAILURES_MAX : 1;
    // What failed by the connection may work the next time.
    if (!isWrong && this.isUsable) this.pieces.add(pieceNumber);
  }

  private rest(): void {
    this.refusals += 1;
    if (this.refusals >= PARENT_REFUSALS_MAX) this.failures = PARENT_FAILURES_MAX;
    if (this.abort.signal.aborted) return;
    this.resting ??= setTimeout(() => {
      this.resting = undefined;
      this.change.notify();
    }, PARENT_REST_MS);
  }

  private async connect(): Promise<VortexConnection> {
    const { address } = this;
    if (address === undefined)
      throw new NotFoundError('PIECE_NOT_HELD', 'The parent has no address.');
    const connection = await VortexConnection.open(address);
    this.open.add(connection);
    if (this.abort.signal.aborted) this.drop(connection);
    return connection;
  }

  private drop(connection: VortexConnection): void {
    connection.close();
    this.open.delete(connection);
  }

  private requestFor(pieceNumber: number): VortexRequest {
    const { taskId, filledAt, logEpoch } = this.task;
    const { copyId } = this;
    return copyId === undefined
      ? { kind: 'download-piece', taskId, pieceNumber }
      : { kind: 'guarded-download-piece', taskId, copyId, pieceNumber, filledAt, logEpoch };
  }

  private async listen(): Promise<void> {
    const { taskId, hostId } = this.task;
    const responses = callServerStream(
      this.client,
      dfdaemonV2.DfdaemonUploadService.syncPieces,
      { taskId, hostId, interestedPieceNumbers: [] },
      { signal: this.abort.signal, onMetadata: (metadata) => this.learn(metadata) },
    );
    for await (const { number, ip, tcpPort } of responses) {
      if (tcpPort === undefined) continue;
      this.address = { host: ip, port: tcpPort };
      this.pieces.add(parsePieceNumber(number));
      this.newsAtMs = performance.now();
      this.change.notify();
    }
  }

  private learn(metadata: Metadata): void {
    const copyId = metadata.get(COPY_ID_KEY)[0]?.toString() ?? '';
    const logEpoch = (metadata.get(LOG_ID_KEY)[0]?.toString() ?? '').split('.')[1];
    const speaksGuarded = metadata.get(PIECES_KEY)[0]?.toString() === '1';
    if (!speaksGuarded || !/^[0-9a-f]{32}$/.test(copyId)) return;
    this.copyId = copyId;
    // Another log: no number of it can be compared with ours.
    if (logEpoch !== this.task.logEpoch) this.failures = PARENT_FAILURES_MAX;
  }
}
