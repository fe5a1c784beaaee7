import { ConflictError, DataCorruptionError } from '@pondhawk/core';

/** The origin's content is another version than the one this copy is made of. */
export function originChanged(): ConflictError {
  return new ConflictError(
    'ORIGIN_CHANGED',
    'The content changed at the origin during the download.',
  );
}

/** The origin sent fewer or more bytes than it promised. */
export function originLengthWrong(expected: number, got: number): DataCorruptionError {
  return new DataCorruptionError(
    'ORIGIN_LENGTH_WRONG',
    `The origin promised ${expected} bytes and sent ${got > expected ? 'more' : got}.`,
    { details: { expected } },
  );
}

/** The origin sent its content encoded although identity was asked for. */
export function originEncoded(encoding: string): ConflictError {
  return new ConflictError(
    'ORIGIN_ENCODED',
    `The origin sent content-encoding ${encoding.slice(0, 40)} although identity was asked for.`,
  );
}

/** The origin ignores ranges in the middle of a download that relies on them. */
export function originIgnoresRanges(): ConflictError {
  return new ConflictError('ORIGIN_IGNORES_RANGES', 'The origin does not answer range requests.');
}
