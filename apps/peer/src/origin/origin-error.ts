import {
  ConflictError,
  DataCorruptionError,
  InvalidArgumentError,
  NotFoundError,
  PermissionDeniedError,
  PondhawkError,
  UnavailableError,
  errnoOf,
  toError,
} from '@pondhawk/core';

/** The origin's content is another version than the one this copy is made of. */
export function originChanged(): ConflictError {
  return new ConflictError(
    'ORIGIN_CHANGED',
    'The content changed at the origin during the download.',
  );
}

/** The origin answered with a status that brings no content. */
export function originStatus(status: number): PondhawkError {
  const message = `The origin answered with status ${status}.`;
  const options = { details: { status } };
  if (status === 404 || status === 410) return new NotFoundError('ORIGIN_STATUS', message, options);
  if (status === 401 || status === 403 || status === 407) {
    return new PermissionDeniedError('ORIGIN_STATUS', message, options);
  }
  const mayPass = status === 408 || status === 425 || status === 429 || status >= 500;
  return mayPass
    ? new UnavailableError('ORIGIN_STATUS', message, options)
    : new InvalidArgumentError('ORIGIN_STATUS', message, options);
}

/** The origin sent fewer or more bytes than it promised. */
export function originLengthWrong(expected: number, got: number): DataCorruptionError {
  return new DataCorruptionError(
    'ORIGIN_LENGTH_WRONG',
    `The origin promised ${expected} bytes and sent ${got > expected ? 'more' : got}.`,
    { details: { expected } },
  );
}

/** The origin's answer breaks a rule of HTTP that the download relies on. */
export function originAnswerInvalid(why: string): DataCorruptionError {
  return new DataCorruptionError(
    'ORIGIN_ANSWER_INVALID',
    `The origin's answer is unusable: ${why}.`,
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

/** Too many redirects, or a redirect that leads nowhere. */
export function originRedirect(why: string): ConflictError {
  return new ConflictError('ORIGIN_REDIRECT', `The origin's redirect is refused: ${why}.`);
}

/** Maps what the HTTP client throws; errors of ours pass. */
export function toOriginError(thrown: unknown): Error {
  const error = toError(thrown);
  if (error instanceof PondhawkError || error.name === 'AbortError') return error;
  const code = errnoOf(error) ?? error.name;
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
    return new DataCorruptionError(
      'ORIGIN_LENGTH_WRONG',
      'The origin sent another number of bytes than it promised.',
      { cause: error },
    );
  }
  if (code === 'UND_ERR_INVALID_ARG') {
    return new InvalidArgumentError('INVALID_REQUEST_HEADER', `request_header: ${error.message}.`, {
      details: { field: 'request_header' },
    });
  }
  const isTimeout = /TIMEOUT/i.test(code);
  return new UnavailableError(
    isTimeout ? 'ORIGIN_TIMEOUT' : 'ORIGIN_UNREACHABLE',
    isTimeout
      ? 'The origin did not answer in time.'
      : `The connection to the origin failed (${code}).`,
    { cause: error, details: { reason: code } },
  );
}
