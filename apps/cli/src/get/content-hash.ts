/** The digest of what was written, computed while it comes. */

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ContentDigest, DigestAlgorithm } from '@pondhawk/pieces';

/** Takes bytes in order; `value` is final. */
export interface ContentHash {
  update(bytes: Uint8Array): void;
  value(): string;
}

/** A hash that gives values as `parseContentDigest` does. */
export function makeContentHash(algorithm: DigestAlgorithm): ContentHash {
  if (algorithm === 'crc32') {
    let sum = 0;
    return {
      update: (bytes) => {
        sum = crc32(bytes, sum);
      },
      value: () => String(sum),
    };
  }
  const hash = createHash(algorithm);
  return {
    update: (bytes) => void hash.update(bytes),
    value: () => hash.digest('hex'),
  };
}

/** The hash for an expected digest, if one is expected. */
export function hashFor(digest: ContentDigest | undefined): ContentHash | undefined {
  return digest === undefined ? undefined : makeContentHash(digest.algorithm);
}
