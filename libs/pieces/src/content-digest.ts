import { InvalidArgumentError } from '@pondhawk/core';

/** Algorithms a whole file or a piece may be checked with. */
export const DIGEST_ALGORITHMS = ['sha256', 'sha512', 'crc32'] as const;

/** One of the algorithms. */
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

/** What content must hash to. `value` is lower-case hex, for crc32 a decimal number. */
export interface ContentDigest {
  readonly algorithm: DigestAlgorithm;
  readonly value: string;
}

const CRC32_MAX = 0xffff_ffff;
const SHA256 = /^sha256:[0-9a-f]{64}$/;
const SHA512 = /^sha512:[0-9a-f]{128}$/;
const CRC32 = /^crc32:(0|[1-9][0-9]{0,9})$/;

/**
 * Parses `sha256:<64 hex>`, `sha512:<128 hex>` or `crc32:<decimal>`.
 *
 * @throws InvalidArgumentError (`INVALID_DIGEST`) if it is anything else.
 */
export function parseContentDigest(raw: string, field = 'digest'): ContentDigest {
  const text = raw.toLowerCase();
  if (SHA256.test(text)) return { algorithm: 'sha256', value: text.slice('sha256:'.length) };
  if (SHA512.test(text)) return { algorithm: 'sha512', value: text.slice('sha512:'.length) };
  if (CRC32.test(text) && Number(text.slice('crc32:'.length)) <= CRC32_MAX) {
    return { algorithm: 'crc32', value: text.slice('crc32:'.length) };
  }
  throw new InvalidArgumentError(
    'INVALID_DIGEST',
    `${field} must be sha256:<64 hex digits>, sha512:<128 hex digits> or crc32:<decimal number>.`,
    { details: { field } },
  );
}

/** `<algorithm>:<value>`, as `parseContentDigest` takes it. */
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
