import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { corrupt } from './copy-errors.js';
import type { Piece } from './copy.js';
import { WRITE_BUFFER_BYTES, type WriteBuffers } from './write-buffers.js';

/** Where a piece goes, and whence it comes. */
export interface PieceSource {
  readonly number: number;
  readonly offset: number;
  /** Bytes; absent while the end of the content is unknown, then `lengthMax` bounds it. */
  readonly length?: number;
  /** Most bytes accepted; the piece length if absent. */
  readonly lengthMax?: number;
  /** The host that fetched it from the origin (this one, if from the origin). */
  readonly originHostId: string;
  /** The peer it is downloaded from. */
  readonly parentId?: string;
}

/** Digests that a piece must have. */
export interface ExpectedDigests {
  readonly crc32?: number;
  readonly sha256?: Buffer;
}

/** What a piece writer does with its bytes. */
export interface PieceTarget {
  /** Throws if the fill was ended. */
  check(): void;
  write(bytes: Buffer, position: number): Promise<void>;
  commit(piece: Piece): Promise<Piece>;
  readonly buffers: WriteBuffers;
  nowMs(): number;
}

/**
 * Takes one piece's bytes in order, digests and writes them, and makes the piece durable at `finish`.
 *
 * A writer that is dropped leaves bytes without a row, which count for nothing.
 */
export class PieceWriter {
  private readonly sha = createHash('sha256');
  private crc = 0;
  private received = 0;
  private written = 0;
  private gathering: Buffer | undefined; // Filled up to `gatheredBytes`; another one may be on its way to the disk.
  private gatheredBytes = 0;
  private writing: Promise<void> = Promise.resolve(); // The write under way; its failure shows at the next call.
  private readonly lengthMax: number;

  constructor(
    private readonly source: PieceSource,
    private readonly target: PieceTarget,
  ) {
    this.lengthMax = source.length ?? source.lengthMax ?? Number.MAX_SAFE_INTEGER;
  }

  /** Bytes taken so far. */
  get receivedBytes(): number {
    return this.received;
  }

  /**
   * Takes the next bytes; the chunk may be used again once it resolves. Await it for back-pressure.
   *
   * @throws DataCorruptionError (`PIECE_LENGTH_MISMATCH`) on more bytes than the piece has.
   * @throws CopyPurgedError if the fill was ended; UnavailableError (`DISK_FULL`, `DISK_ERROR`).
   */
  async write(chunk: Buffer): Promise<void> {
    this.target.check();
    this.received += chunk.length;
    if (this.received > this.lengthMax) throw this.lengthMismatch();
    this.crc = crc32(chunk, this.crc);
    this.sha.update(chunk);
    for (let taken = 0; taken < chunk.length;) {
      this.gathering ??= this.target.buffers.take();
      const copied = chunk.copy(this.gathering, this.gatheredBytes, taken);
      taken += copied;
      this.gatheredBytes += copied;
      if (this.gatheredBytes < WRITE_BUFFER_BYTES) return;
      await this.writing;
      this.flush();
    }
  }

  /**
   * Checks length and digests, and resolves when bytes and row are durable.
   *
   * @throws DataCorruptionError (`PIECE_LENGTH_MISMATCH`, `PIECE_DIGEST_MISMATCH`), and what `write` throws.
   */
  async finish(expected: ExpectedDigests = {}): Promise<Piece> {
    this.target.check();
    if (this.source.length !== undefined && this.received !== this.source.length) {
      throw this.lengthMismatch();
    }
    const sha256 = this.sha.digest();
    this.checkDigests(expected, sha256);
    await this.writing;
    this.flush();
    await this.writing;
    return this.target.commit({
      number: this.source.number,
      offset: this.source.offset,
      length: this.received,
      crc32: this.crc,
      sha256,
      originHostId: this.source.originHostId,
      parentId: this.source.parentId,
      createdAtMs: this.target.nowMs(),
    });
  }

  private flush(): void {
    const { gathering } = this;
    if (gathering === undefined) return;
    const { buffers } = this.target;
    const position = this.source.offset + this.written;
    this.written += this.gatheredBytes;
    const bytes = gathering.subarray(0, this.gatheredBytes);
    this.gathering = undefined;
    this.gatheredBytes = 0;
    this.writing = this.target.write(bytes, position).finally(() => buffers.release(gathering));
    // Whoever awaits `writing` gets the failure; without this a dropped writer would end the process.
    this.writing.catch(() => undefined);
  }

  private checkDigests(expected: ExpectedDigests, sha256: Buffer): void {
    const isSame =
      (expected.crc32 === undefined || expected.crc32 === this.crc) &&
      (expected.sha256 === undefined || expected.sha256.equals(sha256));
    if (isSame) return;
    throw corrupt('PIECE_DIGEST_MISMATCH', 'A piece does not have the digest expected.', {
      number: this.source.number,
      parentId: this.source.parentId ?? '',
    });
  }

  private lengthMismatch(): Error {
    return corrupt('PIECE_LENGTH_MISMATCH', 'A piece has another length than expected.', {
      number: this.source.number,
      received: this.received,
      expected: this.source.length ?? this.lengthMax,
    });
  }
}
