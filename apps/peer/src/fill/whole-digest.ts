import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { DataCorruptionError } from '@pondhawk/core';
import { type ContentDigest, formatContentDigest } from '@pondhawk/pieces';

const READ_BYTES = 1024 * 1024;

/** Reads content from a position into the buffer's start; 0 at the end. */
export type ReadContent = (
  buffer: Buffer,
  at: { readonly position: number; readonly length: number },
) => Promise<number>;

/**
 * Checks a whole content against the digest that was asked for.
 *
 * @throws DataCorruptionError (`DIGEST_MISMATCH`).
 */
export async function checkWholeDigest(read: ReadContent, digest: ContentDigest): Promise<void> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  const hash = digest.algorithm === 'crc32' ? undefined : createHash(digest.algorithm);
  let crc = 0;
  for (let position = 0; ;) {
    const bytes = await read(buffer, { position, length: READ_BYTES });
    if (bytes === 0) break;
    const chunk = buffer.subarray(0, bytes);
    if (hash === undefined) crc = crc32(chunk, crc);
    else hash.update(chunk);
    position += bytes;
  }
  const value = hash?.digest('hex') ?? String(crc);
  if (value === digest.value) return;
  throw new DataCorruptionError(
    'DIGEST_MISMATCH',
    `The content does not have the digest asked for: ${formatContentDigest(digest)}.`,
    { details: { expected: formatContentDigest(digest), actual: `${digest.algorithm}:${value}` } },
  );
}
