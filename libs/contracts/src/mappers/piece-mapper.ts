/** Between the digests of gRPC and plain values. */

import { InvalidArgumentError } from '@pondhawk/core';
import type { PieceDigest } from '../gen/pondhawk/v1/copy.js';

/** A piece's place and digests. */
export interface PieceDigestValue {
  readonly number: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly crc32: number;
  /** 64 lower-case hex digits; absent when only a foreign host told of the piece. */
  readonly sha256: string | undefined;
  /** The host that fetched it from the origin. */
  readonly hostId: string;
}

const SHA256_BYTES = 32;
const CRC32_DIGEST = /^crc32:(\d{1,10})$/;
const CRC32_MAX = 0xffff_ffff;

/** @throws InvalidArgumentError (`INVALID_PIECE_DIGEST`) when numbers are too large or the sha256 has another length than 32 or 0 bytes. */
export function toPieceDigestValue(message: PieceDigest): PieceDigestValue {
  if (message.sha256.length !== 0 && message.sha256.length !== SHA256_BYTES) {
    throw invalid('sha256', 'must have 32 bytes.');
  }
  return {
    number: message.number,
    offsetBytes: whole(message.offset, 'offset'),
    lengthBytes: whole(message.length, 'length'),
    crc32: message.crc32,
    sha256: message.sha256.length === 0 ? undefined : Buffer.from(message.sha256).toString('hex'),
    hostId: message.hostId,
  };
}

/** The message of a piece's digests. */
export function fromPieceDigestValue(value: PieceDigestValue): PieceDigest {
  return {
    number: value.number,
    offset: BigInt(value.offsetBytes),
    length: BigInt(value.lengthBytes),
    crc32: value.crc32,
    sha256: Buffer.from(value.sha256 ?? '', 'hex'),
    hostId: value.hostId,
  };
}

/** The digest of common.v2.Piece and of Vortex: `crc32:<decimal>`. */
export function formatCrc32Digest(crc32: number): string {
  return `crc32:${crc32 >>> 0}`;
}

/** The checksum in `crc32:<decimal>`, or `undefined` for anything else: another daemon may send none. */
export function parseCrc32Digest(digest: string): number | undefined {
  const match = CRC32_DIGEST.exec(digest);
  const crc32 = Number(match?.[1]);
  return match !== null && crc32 <= CRC32_MAX ? crc32 : undefined;
}

function whole(value: bigint, field: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw invalid(field, 'is too large.');
  return number;
}

function invalid(field: string, message: string): InvalidArgumentError {
  return new InvalidArgumentError('INVALID_PIECE_DIGEST', `${field} ${message}`, {
    details: { field },
  });
}
