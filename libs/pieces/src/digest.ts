/** Digests of whole contents, as callers name them. */

import { InvalidArgumentError } from '@pondhawk/core';

/** Algorithms a whole-file digest can have. */
export const DIGEST_ALGORITHMS = ['sha256', 'sha512', 'crc32'] as const;

/** One of them. */
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

/** What a content must be: lower-case hex for sha256 and sha512, decimal for crc32. */
export interface ContentDigest {
  readonly algorithm: DigestAlgorithm;
  readonly value: string;
}

const FORMS: Readonly<Record<DigestAlgorithm, RegExp>> = {
  sha256: /^[0-9a-f]{64}$/,
  sha512: /^[0-9a-f]{128}$/,
  crc32: /^(0|[1-9]\d{0,9})$/,
};

/** @throws InvalidArgumentError (`INVALID_DIGEST`) unless `raw` is `sha256:<64 hex>`, `sha512:<128 hex>` or `crc32:<decimal>`. */
export function parseContentDigest(raw: string, field = 'digest'): ContentDigest {
  const colon = raw.indexOf(':');
  const algorithm = DIGEST_ALGORITHMS.find((name) => name === raw.slice(0, Math.max(colon, 0)));
  const value = raw.slice(colon + 1);
  if (
    algorithm === undefined ||
    !FORMS[algorithm].test(value) ||
    (algorithm === 'crc32' && Number(value) > 0xffff_ffff)
  ) {
    throw new InvalidArgumentError(
      'INVALID_DIGEST',
      `${field} must be sha256:<64 hex digits>, sha512:<128 hex digits> or crc32:<decimal>.`,
      { details: { field } },
    );
  }
  return { algorithm, value };
}

/** `sha256:…`, as it came. */
export function formatContentDigest({ algorithm, value }: ContentDigest): string {
  return `${algorithm}:${value}`;
}

/** The wire form of a piece's crc32, `crc32:<decimal>`. */
export function formatPieceCrc32(crc32: number): string {
  return `crc32:${crc32}`;
}

/** Reads `crc32:<decimal>`; undefined if it is anything else, for digests that other daemons send. */
export function parsePieceCrc32(raw: string): number | undefined {
  const match = /^crc32:(\d{1,10})$/.exec(raw);
  const value = Number(match?.[1]);
  return match !== null && value <= 0xffff_ffff ? value : undefined;
}
