import {
  DataCorruptionError,
  InvariantError,
  PondhawkError,
  UnavailableError,
  errnoOf,
} from '@pondhawk/core';

const DISK_FULL_CODES = ['SQLITE_FULL', 'ENOSPC', 'EDQUOT'];
const DISK_ERROR_CODES = ['SQLITE_IOERR', 'SQLITE_READONLY', 'SQLITE_CANTOPEN', 'EIO', 'EROFS'];
const CORRUPTION_CODES = ['SQLITE_CORRUPT', 'SQLITE_NOTADB'];

/**
 * Turns what SQLite or the file system threw into one of our errors; ours pass unchanged.
 * Extended SQLite codes (`SQLITE_IOERR_WRITE`, `SQLITE_BUSY_SNAPSHOT`) count as their primary code.
 *
 * @returns UnavailableError `DATABASE_BUSY`, `DISK_FULL` or `DISK_ERROR`, DataCorruptionError
 *   `DATABASE_CORRUPT`, else InvariantError `DATABASE_ERROR`.
 */
export function toStorageError(thrown: unknown): PondhawkError {
  if (thrown instanceof PondhawkError) return thrown;
  const code = errnoOf(thrown) ?? '';
  const options = { cause: thrown, details: { cause: code } };
  if (isOneOf(code, ['SQLITE_BUSY', 'SQLITE_LOCKED'])) {
    return new UnavailableError(
      'DATABASE_BUSY',
      'The database is locked by another writer.',
      options,
    );
  }
  if (isOneOf(code, DISK_FULL_CODES)) {
    return new UnavailableError('DISK_FULL', 'The disk of the data folder is full.', options);
  }
  if (isOneOf(code, DISK_ERROR_CODES)) {
    return new UnavailableError(
      'DISK_ERROR',
      `The disk of the data folder failed (${code}).`,
      options,
    );
  }
  if (isOneOf(code, CORRUPTION_CODES)) {
    return new DataCorruptionError('DATABASE_CORRUPT', 'The database file is damaged.', options);
  }
  return new InvariantError(
    'DATABASE_ERROR',
    `The database refused a statement (${code || 'no code'}).`,
    options,
  );
}

function isOneOf(code: string, primaries: readonly string[]): boolean {
  return primaries.some((primary) => code === primary || code.startsWith(`${primary}_`));
}
