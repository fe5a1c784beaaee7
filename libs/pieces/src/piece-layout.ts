/** How a content is cut into pieces. */

import { InvalidArgumentError } from '@pondhawk/core';

/** Smallest and largest piece length, bytes. */
export const PIECE_LENGTH_BYTES_MIN = 4 * 1024 * 1024;
export const PIECE_LENGTH_BYTES_MAX = 64 * 1024 * 1024;
/** The computed piece length aims at this many pieces. */
const PIECES_AIM = 500;
/** Largest piece number accepted from anyone. */
export const PIECE_NUMBER_MAX = 2 ** 31 - 1;

/** A slice of a content. */
export interface PieceRange {
  readonly number: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** The piece length for a content of this length: length / 500, rounded up to a power of two, within 4 and 64 MiB. */
export function choosePieceLengthBytes(contentLengthBytes: number): number {
  const aim = Math.floor(contentLengthBytes / PIECES_AIM);
  let lengthBytes = PIECE_LENGTH_BYTES_MIN;
  while (lengthBytes < aim && lengthBytes < PIECE_LENGTH_BYTES_MAX) lengthBytes *= 2;
  return lengthBytes;
}

/** @throws InvalidArgumentError (`INVALID_PIECE_LENGTH`) unless a whole number of 4 MiB to 64 MiB. */
export function parsePieceLengthBytes(raw: number, field = 'piece_length'): number {
  if (!Number.isSafeInteger(raw) || raw < PIECE_LENGTH_BYTES_MIN || raw > PIECE_LENGTH_BYTES_MAX) {
    throw new InvalidArgumentError(
      'INVALID_PIECE_LENGTH',
      `${field} must be a whole number from ${PIECE_LENGTH_BYTES_MIN} to ${PIECE_LENGTH_BYTES_MAX}.`,
      { details: { field } },
    );
  }
  return raw;
}

/** @throws InvalidArgumentError (`INVALID_PIECE_NUMBER`) unless a whole number from 0 to 2^31 - 1. */
export function parsePieceNumber(raw: number, field = 'piece_number'): number {
  if (!Number.isSafeInteger(raw) || raw < 0 || raw > PIECE_NUMBER_MAX) {
    throw new InvalidArgumentError(
      'INVALID_PIECE_NUMBER',
      `${field} must be a whole number from 0 to ${PIECE_NUMBER_MAX}.`,
      { details: { field } },
    );
  }
  return raw;
}

/** How many pieces a content has: none if it is empty. */
export function countPieces(contentLengthBytes: number, pieceLengthBytes: number): number {
  return Math.ceil(contentLengthBytes / pieceLengthBytes);
}

/** All pieces of a content, in order; they cover it exactly once. */
export function layOutPieces(contentLengthBytes: number, pieceLengthBytes: number): PieceRange[] {
  return Array.from({ length: countPieces(contentLengthBytes, pieceLengthBytes) }, (_, number) => {
    const offsetBytes = number * pieceLengthBytes;
    return {
      number,
      offsetBytes,
      lengthBytes: Math.min(pieceLengthBytes, contentLengthBytes - offsetBytes),
    };
  });
}
