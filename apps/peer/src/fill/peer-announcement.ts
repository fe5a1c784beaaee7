import { randomUUID } from 'node:crypto';
import { formatCrc32Digest, type commonV2, schedulerV2 } from '@pondhawk/contracts';
import { type PeerId, type TaskId, UnavailableError, parsePeerId, toError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import { type BidiCall, callBidi } from '@pondhawk/rpc';
import type { Piece } from '../copies/index.js';
import type { HostFacts, SchedulerSession } from '../scheduler-link/index.js';

/** A scheduler that has not decided by then is done without. */
export const DECISION_MS_MAX = 5_000;
/** Longest wait for the scheduler to close the stream after the last message. */
const CLOSE_MS_MAX = 2_000;

type Request = NonNullable<schedulerV2.AnnouncePeerRequest['request']>;

/** What a scheduler says to a registration. */
export type Decision =
  | { readonly kind: 'parents'; readonly parents: readonly commonV2.Peer[] }
  | { readonly kind: 'origin' }
  | { readonly kind: 'empty' };

/**
 * One download's conversation with the scheduler that owns the task. Once the scheduler is gone,
 * every message is dropped and every wait ends with `SCHEDULER_GONE`: the download goes on alone.
 */
export class PeerAnnouncement {
  readonly peerId: PeerId;
  private readonly abort = new AbortController();
  private readonly call: BidiCall<
    schedulerV2.AnnouncePeerRequest,
    schedulerV2.AnnouncePeerResponse
  >;
  private readonly decisions: Decision[] = [];
  private readonly closed: Promise<void>;
  private wake: () => void = () => undefined; // Ends the wait for a decision.
  private isGone = false;

  constructor(
    session: SchedulerSession,
    private readonly facts: HostFacts,
    private readonly taskId: TaskId,
    private readonly log: Log,
  ) {
    const suffix = facts.type === 'super' ? '-seed' : '';
    this.peerId = parsePeerId(`${facts.ip}-${facts.hostname}-${randomUUID()}${suffix}`);
    this.call = callBidi(session.client, schedulerV2.SchedulerService.announcePeer, {
      signal: this.abort.signal,
      metadata: session.metadata(),
    });
    this.closed = this.listen();
  }

  /** Registers, and waits for the decision. @throws UnavailableError (`SCHEDULER_GONE`). */
  async register(download: commonV2.Download): Promise<Decision> {
    this.send({ $case: 'registerPeerRequest', value: { download } });
    return this.nextDecision();
  }

  /** Asks for other parents. @throws UnavailableError (`SCHEDULER_GONE`). */
  async reschedule(candidateParents: readonly commonV2.Peer[]): Promise<Decision> {
    const value = { candidateParents: [...candidateParents], description: undefined };
    this.send({ $case: 'reschedulePeerRequest', value });
    return this.nextDecision();
  }

  /** The download from parents begins. */
  started(): void {
    this.send({ $case: 'downloadPeerStartedRequest', value: {} });
  }

  /** The download from the origin begins. */
  backToSourceStarted(): void {
    const value = { description: undefined };
    this.send({ $case: 'downloadPeerBackToSourceStartedRequest', value });
  }

  /** A piece is whole and durable. */
  pieceFinished(piece: Piece): void {
    const isFromParent = piece.parentId !== undefined;
    const value = { piece: toPieceMessage(piece) };
    this.send(
      isFromParent
        ? { $case: 'downloadPieceFinishedRequest', value }
        : { $case: 'downloadPieceBackToSourceFinishedRequest', value },
    );
  }

  /** A parent did not give a piece. */
  pieceFailed(pieceNumber: number, parentId: string): void {
    const value = { pieceNumber, parentId, temporary: true };
    this.send({ $case: 'downloadPieceFailedRequest', value });
  }

  /** The copy is complete. */
  async finished({ fromOrigin }: { readonly fromOrigin: boolean }): Promise<void> {
    await this.sendLast(
      fromOrigin
        ? { $case: 'downloadPeerBackToSourceFinishedRequest', value: {} }
        : { $case: 'downloadPeerFinishedRequest', value: {} },
    );
  }

  /** The download has failed. */
  async failed(failure: { fromOrigin: boolean; description: string }): Promise<void> {
    const value = { description: failure.description };
    await this.sendLast(
      failure.fromOrigin
        ? { $case: 'downloadPeerBackToSourceFailedRequest', value }
        : { $case: 'downloadPeerFailedRequest', value },
    );
  }

  private async sendLast(request: Request): Promise<void> {
    this.send(request);
    const timer = setTimeout(() => this.abort.abort(), CLOSE_MS_MAX);
    await this.closed;
    clearTimeout(timer);
  }

  private send(request: Request): void {
    if (this.isGone) return;
    const message = {
      hostId: this.facts.hostId,
      taskId: this.taskId,
      peerId: this.peerId,
      request,
    };
    this.call.send(message).catch((error: unknown) => this.leave(error));
  }

  private leave(error?: unknown): void {
    if (this.isGone) return;
    this.isGone = true;
    if (error !== undefined && !this.abort.signal.aborted) {
      this.log.warn('scheduler left during a download', { err: toError(error) });
    }
    this.wake();
  }

  private async listen(): Promise<void> {
    try {
      for await (const { response } of this.call.responses) {
        const decision = toDecision(response);
        if (decision !== undefined) this.decisions.push(decision);
        this.wake();
      }
      this.leave();
    } catch (error) {
      this.leave(error);
    }
  }

  private async nextDecision(): Promise<Decision> {
    if (this.decisions.length === 0 && !this.isGone) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, DECISION_MS_MAX);
        this.wake = (): void => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const decision = this.decisions.shift();
    if (decision !== undefined) return decision;
    this.abort.abort();
    throw new UnavailableError('SCHEDULER_GONE', 'The scheduler of the task does not answer.');
  }
}

function toDecision(response: schedulerV2.AnnouncePeerResponse['response']): Decision | undefined {
  switch (response?.$case) {
    case 'normalTaskResponse':
      return { kind: 'parents', parents: response.value.candidateParents };
    case 'needBackToSourceResponse':
      return { kind: 'origin' };
    case 'emptyTaskResponse':
      return { kind: 'empty' };
    case 'metadataOnlyResponse':
    case undefined:
      return undefined; // Never asked for, or of a newer scheduler.
  }
}

function toPieceMessage(piece: Piece): commonV2.Piece {
  return {
    number: piece.number,
    parentId: piece.parentId,
    offset: BigInt(piece.offset),
    length: BigInt(piece.length),
    digest: formatCrc32Digest(piece.crc32),
    content: undefined,
    trafficType: piece.parentId === undefined ? 0 : 1,
    cost: { seconds: 0n, nanos: 0 },
    createdAt: new Date(piece.createdAtMs),
  };
}
