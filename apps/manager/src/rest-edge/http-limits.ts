import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { errnoOf } from '@pondhawk/core';

/** A request's headers must have come by then. */
export const HEADERS_TIMEOUT_MS = 10_000;
/** A request must have come whole by then. */
export const REQUEST_TIMEOUT_MS = 30_000;
/** An idle connection is closed after so long. */
export const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** Header lines of a request. */
export const HEADERS_COUNT_MAX = 100;
/** Open connections; more are refused by the kernel's queue. */
export const CONNECTIONS_MAX = 4_096;

const STATUS_BY_ERRNO: Readonly<Record<string, readonly [string, string, string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'HEADERS_TOO_LARGE',
    'The headers of the request are too large.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    '408 Request Timeout',
    'REQUEST_TIMEOUT',
    'The request took too long to arrive.',
  ],
};

/** Bounds what one client can hold of the server, and answers what is no HTTP in JSON too. */
export function limitHttpServer(server: Server): void {
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  server.maxHeadersCount = HEADERS_COUNT_MAX;
  server.maxConnections = CONNECTIONS_MAX;
  server.on('clientError', (error, socket) => {
    refuse(error, socket as Socket);
  });
}

function refuse(error: Error, socket: Socket): void {
  if (errnoOf(error) === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code, message] = STATUS_BY_ERRNO[errnoOf(error) ?? ''] ?? [
    '400 Bad Request',
    'MALFORMED_REQUEST',
    'The request is no HTTP.',
  ];
  const body = JSON.stringify({ message, errors: message, code, details: {} });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Idle connections are looked for this often while a server closes. */
const CLOSE_SWEEP_INTERVAL_MS = 50;
/** Answers under way at shutdown may take so long; what is left is cut. */
export const HTTP_STOP_GRACE_MS = 5_000;

/** Makes `close` of a server wait for answers under way, but not for clients that keep idle connections. */
export function closeIdleConnections(server: Server): void {
  const close = server.close.bind(server);
  server.close = (callback) => {
    const sweep = setInterval(() => server.closeIdleConnections(), CLOSE_SWEEP_INTERVAL_MS);
    const cut = setTimeout(() => server.closeAllConnections(), HTTP_STOP_GRACE_MS);
    return close((error) => {
      clearInterval(sweep);
      clearTimeout(cut);
      callback?.(error);
    });
  };
}
