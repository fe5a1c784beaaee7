import { HttpException } from '@nestjs/common';
import { PondhawkError, type ErrorDetails, type ErrorKind } from '@pondhawk/core';

/** The body of every answer that is no success; `message` and `errors` are the same text. */
export interface ErrorBody {
  readonly message: string;
  readonly errors: string;
  readonly code: string;
  readonly details: ErrorDetails;
}

/** An error as REST answers it. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: ErrorBody;
  /** Whole seconds for `Retry-After`; absent: no such header. */
  readonly retryAfterSeconds?: number;
  /** A fault of ours that belongs in the log. */
  readonly isUnexpected: boolean;
}

const STATUS_BY_KIND: Readonly<Record<ErrorKind, number>> = {
  'invalid-argument': 422,
  unauthenticated: 401,
  'permission-denied': 401,
  'not-found': 404,
  conflict: 409,
  'resource-exhausted': 429,
  unavailable: 503,
  'data-corruption': 500,
  invariant: 500,
  config: 500,
};

/** Codes that are about the request as a whole, not about a value in it, and of tokens where only tokens go. */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  MALFORMED_JSON: 400,
  MALFORMED_REQUEST: 400,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  HEADERS_TOO_LARGE: 431,
  TOKEN_DENIED: 403,
  // What a server that the caller named did, or where it is: no fault of ours, and no sign-in would help.
  ORIGIN_ADDRESS_REFUSED: 422,
  ORIGIN_ANSWER_INVALID: 422,
  ORIGIN_LENGTH_WRONG: 422,
  IMAGE_MANIFEST_INVALID: 422,
  IMAGE_MANIFEST_TOO_LARGE: 422,
  REGISTRY_CHALLENGE_REFUSED: 422,
};

/** What a caller is told of a fault of ours: nothing of its text, which may name files or SQL. */
const INTERNAL: ErrorAnswer = {
  status: 500,
  body: bodyOf('INTERNAL_ERROR', 'Internal error; the log of the manager has more.', {}),
  isUnexpected: true,
};

/** Maps whatever a handler threw to its answer. */
export function toErrorAnswer(thrown: unknown): ErrorAnswer {
  if (thrown instanceof PondhawkError) return ofOurs(thrown);
  if (thrown instanceof HttpException) return ofFramework(thrown);
  if (thrown instanceof URIError) {
    return {
      status: 400,
      body: bodyOf('MALFORMED_REQUEST', 'The path of the request cannot be decoded.', {}),
      isUnexpected: false,
    };
  }
  return INTERNAL;
}

function ofOurs(error: PondhawkError): ErrorAnswer {
  const status = STATUS_BY_CODE[error.code] ?? STATUS_BY_KIND[error.kind];
  if (status === 500) return INTERNAL;
  return {
    status,
    body: bodyOf(error.code, error.message, error.details),
    ...(error.retryAfterMs === undefined
      ? {}
      : { retryAfterSeconds: Math.max(1, Math.ceil(error.retryAfterMs / 1000)) }),
    isUnexpected: false,
  };
}

/** Nest itself throws for routes that do not exist and for paths that cannot be decoded. */
function ofFramework(error: HttpException): ErrorAnswer {
  const status = error.getStatus();
  if (status === 404) {
    return {
      status,
      body: bodyOf('ROUTE_NOT_FOUND', 'There is nothing at this path; see /swagger.', {}),
      isUnexpected: false,
    };
  }
  if (status >= 500) return INTERNAL;
  return {
    status,
    body: bodyOf('MALFORMED_REQUEST', 'The request cannot be read.', {}),
    isUnexpected: false,
  };
}

function bodyOf(code: string, message: string, details: ErrorDetails): ErrorBody {
  return { message, errors: message, code, details };
}
