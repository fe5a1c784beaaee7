import { type Hash, createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { DataCorruptionError } from '@pondhawk/core';
import { type ContentDigest, formatContentDigest } from '@pondhawk/pieces';

const READ_BYTES = 1024 * 1024;

/** Reads content from a position into the buffer's start; 0 at the end. */
export type ReadContent = (
  buffer: Buffer,
  at: { readonly position: number; readonly length: number },
) => Promise<number>;

/** The digest of a content that comes in order, against the one that was asked for. */
export class RunningDigest {
  private readonly hash: Hash | undefined; // Undefined: crc32.
  private crc = 0;

  constructor(private readonly expected: ContentDigest) {
    const { algorithm } = expected;
    this.hash = algorithm === 'crc32' ? undefined : createHash(algorithm);
  }

  /** The next bytes. */
  update(chunk: Buffer): void {
    if (this.hash === undefined) this.crc = crc32(chunk, this.crc);
    else this.hash.update(chunk);
  }

  /** Once, after the last byte. @throws DataCorruptionError (`DIGEST_MISMATCH`). */
  check(): void {
    const { algorithm, value } = this.expected;
    const actual = this.hash?.digest('hex') ?? String(this.crc);
    if (actual === value) return;
    const expected = formatContentDigest(this.expected);
    throw new DataCorruptionError(
      'DIGEST_MISMATCH',
      `The content does not have the digest asked for: ${expected}.`,
      { details: { expected, actual: `${algorithm}:${actual}` } },
    );
  }
}

/**
 * Checks a whole content against the digest that was asked for.
 *
 * @throws DataCorruptionError (`DIGEST_MISMATCH`).
 */
export async function checkWholeDigest(read: ReadContent, digest: ContentDigest): Promise<void> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  const running = new RunningDigest(digest);
  for (let position = 0; ;) {
    const bytes = await read(buffer, { position, length: READ_BYTES });
    if (bytes === 0) break;
    running.update(buffer.subarray(0, bytes));
    position += bytes;
  }
  running.check();
}
