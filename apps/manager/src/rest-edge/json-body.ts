/** Request bodies: JSON in UTF-8, one document, at most 1 MiB. Everything else is refused unread. */

import { InvalidArgumentError, errnoOf } from '@pondhawk/core';
import express, { type ErrorRequestHandler, type Request, type RequestHandler } from 'express';

/** Longest request body, in bytes. */
export const BODY_SIZE_BYTES_MAX = 1024 * 1024;

const METHODS_WITH_BODY = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
const CHARSET = /;\s*charset\s*=\s*"?([\w-]+)"?/i;

/** Handlers to be used in this order, before any route. */
export function jsonBody(): (RequestHandler | ErrorRequestHandler)[] {
  const read = express.raw({ type: () => true, limit: BODY_SIZE_BYTES_MAX, inflate: false });
  return [
    onlyWithBody(requireJsonType),
    onlyWithBody(read),
    translateReadError,
    onlyWithBody((request, _response, next) => {
      request.body = parseJson(request.body);
      next();
    }),
  ];
}

function onlyWithBody(handler: RequestHandler): RequestHandler {
  return (request, response, next) => {
    if (METHODS_WITH_BODY.has(request.method) && announcesBody(request))
      void handler(request, response, next);
    else next();
  };
}

/**
 * Calls that say all by their path come without a body. Dragonfly's console names a type with those
 * as well, where no body is expected.
 */
function announcesBody({ headers, method }: Request): boolean {
  const length = headers['content-length'] ?? '0';
  return (
    length !== '0' ||
    headers['transfer-encoding'] !== undefined ||
    (headers['content-type'] !== undefined && (method === 'POST' || method === 'PATCH'))
  );
}

const requireJsonType: RequestHandler = (request, _response, next) => {
  const type = request.headers['content-type'] ?? '';
  const charset = CHARSET.exec(type)?.[1]?.toLowerCase();
  if (!JSON_TYPE.test(type) || (charset !== undefined && charset !== 'utf-8')) {
    throw unsupported('Content-Type must be application/json in UTF-8.');
  }
  next();
};

const translateReadError: ErrorRequestHandler = (error: unknown, _request, _response, next) => {
  const type = error instanceof Error && 'type' in error ? error.type : undefined;
  if (type === 'entity.too.large') {
    next(
      new InvalidArgumentError(
        'BODY_TOO_LARGE',
        `The body may have at most ${BODY_SIZE_BYTES_MAX} bytes.`,
        { details: { max_bytes: BODY_SIZE_BYTES_MAX } },
      ),
    );
  } else if (type === 'encoding.unsupported') {
    next(unsupported('Content-Encoding is not supported; send the body as it is.'));
  } else if (typeof type === 'string' || errnoOf(error) === 'ECONNABORTED') {
    next(new InvalidArgumentError('MALFORMED_REQUEST', 'The body could not be read to its end.'));
  } else {
    next(error);
  }
};

/** @throws InvalidArgumentError (`MALFORMED_JSON`) unless the bytes are one JSON document in UTF-8. */
function parseJson(body: unknown): unknown {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    // The parser's own text would quote the body, which may hold secrets.
    throw new InvalidArgumentError('MALFORMED_JSON', 'The body must be one JSON document.', {
      cause,
    });
  }
}

function unsupported(message: string): InvalidArgumentError {
  return new InvalidArgumentError('UNSUPPORTED_MEDIA_TYPE', message, {
    details: { field: message.startsWith('Content-Type') ? 'Content-Type' : 'Content-Encoding' },
  });
}
