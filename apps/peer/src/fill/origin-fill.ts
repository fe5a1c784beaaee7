import { type Faults, PondhawkError, type RandomSource, toError } from '@pondhawk/core';
import {
  choosePieceLengthBytes,
  layOutPieces,
  mayBeSameVersion,
  type PieceRange,
} from '@pondhawk/pieces';
import type { Fill, Piece, PieceWriter } from '../copies/index.js';
import {
  type OriginBody,
  type OriginClient,
  type OriginContent,
  originChanged,
} from '../origin/index.js';
import type { RateLimiter } from '../rate-limit/index.js';
import { retryOrigin } from './origin-retry.js';
import { toContentValidator, toStoredValidator } from './stored-validator.js';

/** Requests of one fill to its origin at a time. */
export const ORIGIN_REQUESTS_IN_FLIGHT_MAX = 4;

/** What filling from the origin works with. */
export interface OriginFillParts {
  readonly fill: Fill;
  readonly origin: OriginClient;
  readonly limiter: RateLimiter;
  readonly faults: Faults;
  readonly random: RandomSource;
  /** Ends the fill: the copy was purged, or the daemon stops. */
  readonly signal: AbortSignal;
  readonly hostId: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes; undefined: by the rule. */
  readonly pieceLength: number | undefined;
  /** Length, version and piece length are known. */
  readonly onContent: () => void;
  readonly onPiece: (piece: Piece) => void;
}

/** Fetches what a fill lacks from its origin: by ranges several at a time, or as one stream. */
export class OriginFill {
  private readonly abort = new AbortController(); // Ends the other requests when the version has changed.
  private failure: Error | undefined; // The first one; no request is begun after it.

  constructor(private readonly parts: OriginFillParts) {}

  /**
   * @returns the length of the content, once all its pieces are whole.
   * @throws PondhawkError of the origin; `ORIGIN_CHANGED` if its version is not that of the pieces on disk.
   */
  async run(): Promise<number> {
    const { fill, origin, faults } = this.parts;
    const request = this.request();
    const opening = this.retrying(() => origin.open(request));
    faults.reach('peer.fill.first-byte-asked');
    const content = await opening;
    try {
      this.adopt(content);
    } catch (error) {
      content.whole?.close();
      throw error;
    }
    if (content.whole !== undefined) return this.takeWhole(content.whole);
    const contentLength = content.validator.contentLength ?? 0;
    try {
      await this.takeRanges(layOutPieces(contentLength, fill.copy.pieceLength));
    } catch (error) {
      if (!(error instanceof PondhawkError && error.code === 'ORIGIN_IGNORES_RANGES')) throw error;
      const again = await origin.fetchWhole(this.request());
      return this.takeWhole(again.whole);
    }
    return contentLength;
  }

  private request(): {
    url: string;
    headers: Readonly<Record<string, string>>;
    signal: AbortSignal;
  } {
    const { signal, url, headers } = this.parts;
    return { url, headers, signal: AbortSignal.any([signal, this.abort.signal]) };
  }

  /** The first answer decides which version the copy is of; every other must agree. */
  private adopt({ validator }: OriginContent): void {
    const { fill, onContent } = this.parts;
    const known = toContentValidator(fill.copy.validator);
    if (!mayBeSameVersion(known, validator)) throw originChanged();
    const isFixed = fill.pieces.size > 0 || fill.copy.contentLength !== undefined;
    const { contentLength } = validator;
    // Pieces of a copy without any mark of its version cannot be told from another's.
    if (isFixed && known.etag === '' && known.lastModified === '' && fill.pieces.size > 0) {
      if (known.contentLength === undefined) throw originChanged();
    }
    fill.update({
      validator: toStoredValidator(validator),
      ...(contentLength === undefined ? {} : { contentLength }),
      ...(isFixed ? {} : { pieceLength: this.pieceLengthFor(contentLength) }),
    });
    onContent();
  }

  private pieceLengthFor(contentLength: number | undefined): number {
    return this.parts.pieceLength ?? choosePieceLengthBytes(contentLength ?? 0);
  }

  private async takeRanges(ranges: readonly PieceRange[]): Promise<void> {
    const missing = ranges.filter(({ number }) => !this.parts.fill.pieces.has(number));
    const queue = missing.values();
    const worker = async (): Promise<void> => {
      // While one piece becomes durable the next is received.
      let committing: Promise<void> = Promise.resolve();
      for (const range of queue) {
        if (this.failure !== undefined) break;
        const writer = await this.retrying(() => this.takeRange(range));
        await committing;
        committing = this.commit(writer);
        committing.catch(() => undefined); // Shown by the next wait for it.
      }
      await committing;
    };
    const count = Math.min(ORIGIN_REQUESTS_IN_FLIGHT_MAX, missing.length);
    const workers = Array.from({ length: count }, () =>
      worker().catch((error: unknown) => this.fail(toError(error))),
    );
    await Promise.all(workers);
    if (this.failure !== undefined) throw this.failure;
  }

  /** No further request; pieces on the way may still arrive, except of a version that is gone. */
  private fail(error: Error): void {
    this.failure ??= error;
    if (error instanceof PondhawkError && error.code === 'ORIGIN_CHANGED') this.abort.abort(error);
  }

  /** @returns the piece, received in full and not yet durable. */
  private async takeRange({ number, offsetBytes, lengthBytes }: PieceRange): Promise<PieceWriter> {
    const { fill, origin, limiter, hostId } = this.parts;
    const request = this.request();
    const body = await origin.fetchRange({
      ...request,
      offset: offsetBytes,
      length: lengthBytes,
      validator: toContentValidator(fill.copy.validator),
    });
    try {
      const writer = fill.openPiece({
        number,
        offset: offsetBytes,
        length: lengthBytes,
        originHostId: hostId,
      });
      for await (const chunk of body) {
        const paid = limiter.take(chunk.length, request.signal);
        if (paid !== undefined) await paid;
        await writer.write(chunk);
      }
      return writer;
    } finally {
      body.close();
    }
  }

  private async commit(writer: PieceWriter): Promise<void> {
    this.parts.onPiece(await writer.finish());
  }

  /** The whole content in one stream, cut into pieces; its end may be its only length. */
  private async takeWhole(body: OriginBody): Promise<number> {
    const { limiter, signal } = this.parts;
    const cutter = new PieceCutter(this.parts);
    try {
      for await (const chunk of body) {
        const paid = limiter.take(chunk.length, signal);
        if (paid !== undefined) await paid;
        await cutter.write(chunk);
      }
      return await cutter.end();
    } finally {
      body.close();
    }
  }

  private async retrying<T>(act: () => Promise<T>): Promise<T> {
    return retryOrigin(act, {
      random: this.parts.random,
      isOver: () => this.failure !== undefined,
    });
  }
}

/** Cuts a stream into pieces, one after the other. */
class PieceCutter {
  private writer: PieceWriter | undefined;
  private commits: Promise<void>[] = []; // Pieces whose rows are on the way to the disk.
  private position = 0;

  constructor(private readonly parts: OriginFillParts) {}

  async write(chunk: Buffer): Promise<void> {
    const { pieceLength } = this.parts.fill.copy;
    for (let rest = chunk; rest.length > 0;) {
      const room = pieceLength - (this.position % pieceLength);
      const part = rest.subarray(0, room);
      rest = rest.subarray(part.length);
      this.writer ??= this.open(this.position / pieceLength);
      await this.writer.write(part);
      this.position += part.length;
      if (part.length === room) await this.finishPiece();
    }
  }

  /** @returns the length of the content. */
  async end(): Promise<number> {
    if (this.writer !== undefined) await this.finishPiece();
    await Promise.all(this.commits);
    return this.position;
  }

  private open(number: number): PieceWriter {
    const { fill, hostId } = this.parts;
    const { pieceLength } = fill.copy;
    return fill.openPiece({
      number,
      offset: number * pieceLength,
      lengthMax: pieceLength,
      originHostId: hostId,
    });
  }

  private async finishPiece(): Promise<void> {
    const { writer } = this;
    this.writer = undefined;
    if (writer === undefined) return;
    const commit = writer.finish().then((piece) => this.parts.onPiece(piece));
    commit.catch(() => undefined); // Shown by the next wait for it.
    this.commits.push(commit);
    if (this.commits.length > ORIGIN_REQUESTS_IN_FLIGHT_MAX) await this.commits.shift();
  }
}
