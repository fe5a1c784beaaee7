import { pondhawkV1, toPieceDigestValue } from '@pondhawk/contracts';
import { type HostId, type TaskId, toError } from '@pondhawk/core';
import { PIECE_LENGTH_BYTES_MAX } from '@pondhawk/pieces';
import type { Log } from '@pondhawk/observability';
import { type Client, callServerStream } from '@pondhawk/rpc';
import type { Validator } from '../copies/index.js';
import { fromValidatorMessage } from '../scheduler-link/validator-message.js';
import type { ChangeSignal } from './change-signal.js';

/** What a piece must be, as the host that fetched it from the origin reported it. */
export interface TrustedPiece {
  readonly number: number;
  readonly offset: number;
  readonly length: number;
  readonly crc32: number;
  /** Absent when only a foreign host told of the piece. */
  readonly sha256: Buffer | undefined;
  readonly originHostId: string;
}

/** Of which version and shape a task's content is. */
export interface TrustedContent {
  readonly pieceLength: number;
  readonly validator: Validator;
  /** Bytes; undefined while unknown. */
  readonly contentLength: number | undefined;
}

/** What the scheduler knows of a task's pieces, as it comes. */
export class PieceDigests {
  private readonly known = new Map<number, TrustedPiece>();
  private readonly abort = new AbortController();
  private shape: TrustedContent | undefined;
  private noneComes = false;
  private ended = false;

  constructor(
    private readonly task: { readonly taskId: TaskId; readonly hostId: HostId },
    private readonly change: ChangeSignal,
    private readonly log: Log,
  ) {}

  /** Shape and version, once the scheduler knows them. */
  get content(): TrustedContent | undefined {
    return this.shape;
  }

  /** Whether no digest can come: only foreign hosts hold the task. */
  get noneCanCome(): boolean {
    return this.noneComes;
  }

  /** Whether the scheduler will say no more. */
  get hasEnded(): boolean {
    return this.ended;
  }

  /** What a piece must be, if that is known. */
  find(number: number): TrustedPiece | undefined {
    return this.known.get(number);
  }

  /** Starts to listen; what comes changes `find` and notifies. */
  start(client: Client): void {
    this.listen(client)
      .catch((error: unknown) => {
        if (!this.abort.signal.aborted) {
          this.log.debug('no more digests from the scheduler', { err: toError(error) });
        }
      })
      .finally(() => {
        this.ended = true;
        this.change.notify();
      });
  }

  stop(): void {
    this.abort.abort();
  }

  private async listen(client: Client): Promise<void> {
    const answers = callServerStream(client, pondhawkV1.SwarmService.watchPieces, this.task, {
      signal: this.abort.signal,
    });
    for await (const answer of answers) {
      this.take(answer);
      this.change.notify();
    }
  }

  private take(answer: pondhawkV1.WatchPiecesResponse): void {
    const pieceLength = Number(answer.pieceLength);
    if (pieceLength > 0 && pieceLength <= PIECE_LENGTH_BYTES_MAX) {
      this.shape = {
        pieceLength,
        validator: fromValidatorMessage(answer.validator),
        contentLength: answer.contentLengthKnown ? Number(answer.contentLength) : undefined,
      };
    }
    this.noneComes = answer.noneCanCome;
    for (const piece of answer.pieces) {
      const value = toPieceDigestValue(piece);
      this.known.set(value.number, {
        number: value.number,
        offset: value.offsetBytes,
        length: value.lengthBytes,
        crc32: value.crc32,
        sha256: value.sha256 === undefined ? undefined : Buffer.from(value.sha256, 'hex'),
        originHostId: value.hostId,
      });
    }
  }
}
