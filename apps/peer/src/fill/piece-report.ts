import { pondhawkV1 } from '@pondhawk/contracts';
import { type PeerId, type TaskId, toError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import { type ClientStreamCall, callClientStream } from '@pondhawk/rpc';
import type { Copy, Piece } from '../copies/index.js';
import {
  type HostFacts,
  type SchedulerSession,
  toPieceDigest,
  toValidatorMessage,
} from '../scheduler-link/index.js';

/** Longest wait for the scheduler to take the last digests. */
const END_MS_MAX = 2_000;

/**
 * Tells the scheduler the digests of pieces that this host fetched from the origin, so that others
 * may trust them. Nothing is sent before the first piece; a scheduler that is gone is told nothing.
 */
export class PieceReport {
  private readonly abort = new AbortController();
  private call:
    ClientStreamCall<pondhawkV1.ReportPiecesRequest, pondhawkV1.ReportPiecesResponse> | undefined;

  constructor(
    private readonly parts: {
      readonly session: SchedulerSession;
      readonly facts: HostFacts;
      readonly taskId: TaskId;
      readonly peerId: PeerId;
      readonly log: Log;
    },
  ) {}

  /** Tells of the content and of pieces; none is allowed, when only the content is known yet. */
  tell(copy: Copy, pieces: readonly Piece[]): void {
    const { session, facts, taskId, peerId, log } = this.parts;
    this.call ??= callClientStream(session.client, pondhawkV1.SwarmService.reportPieces, {
      signal: this.abort.signal,
      metadata: session.metadata(),
    });
    this.call
      .send({
        hostId: facts.hostId,
        taskId,
        peerId,
        contentLength: BigInt(copy.contentLength ?? 0),
        contentLengthKnown: copy.contentLength !== undefined,
        pieceLength: BigInt(copy.pieceLength),
        validator: toValidatorMessage(copy.validator),
        pieces: pieces.map(toPieceDigest),
      })
      .catch((error: unknown) => {
        log.debug('digests not told to the scheduler', { err: toError(error) });
      });
  }

  /** Waits until all was taken, or for two seconds. */
  async end(): Promise<void> {
    if (this.call === undefined) return;
    const timer = setTimeout(() => this.abort.abort(), END_MS_MAX);
    await this.call.end().catch((error: unknown) => {
      this.parts.log.debug('digests not told to the scheduler', { err: toError(error) });
    });
    clearTimeout(timer);
  }
}
