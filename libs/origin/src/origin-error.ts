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

/** The origin's answer breaks a rule of HTTP that is relied on here. */
export function originAnswerInvalid(why: string): DataCorruptionError {
  return new DataCorruptionError(
    'ORIGIN_ANSWER_INVALID',
    `The origin's answer is unusable: ${why}.`,
  );
}

/** Too many redirects, or a redirect that leads nowhere. */
export function originRedirect(why: string): ConflictError {
  return new ConflictError('ORIGIN_REDIRECT', `The origin's redirect is refused: ${why}.`);
}

/** The origin took longer than the caller waits. */
export function originTimeout(cause: unknown): UnavailableError {
  const options = { cause, details: { reason: 'TIMEOUT' } };
  return new UnavailableError('ORIGIN_TIMEOUT', 'The origin did not answer in time.', options);
}

/** Maps what the HTTP client throws; errors of ours pass, and reasons of an abort unless it is a timeout. */
export function toOriginError(thrown: unknown): Error {
  // What `AbortSignal.timeout` gives is no Error in every realm.
  if ((thrown as { name?: unknown } | null)?.name === 'TimeoutError') return originTimeout(thrown);
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
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return originAnswerInvalid('its headers are too large');
  if (code === 'UND_ERR_INVALID_ARG') {
    return new InvalidArgumentError('INVALID_REQUEST_HEADER', `request_header: ${error.message}.`, {
      details: { field: 'request_header' },
    });
  }
  if (/TIMEOUT/i.test(code)) return originTimeout(error);
  return new UnavailableError(
    'ORIGIN_UNREACHABLE',
    `The connection to the origin failed (${code}).`,
    { cause: error, details: { reason: code } },
  );
}
