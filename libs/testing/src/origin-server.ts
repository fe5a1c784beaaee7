/** An HTTP origin that counts what it sends, and misbehaves on request. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What the origin serves under one path. */
export interface OriginFile {
  readonly body: Buffer;
  readonly etag?: string;
  /** Whether ranges are answered; true unless said otherwise. */
  readonly hasRanges?: boolean;
  /** Whether Content-Length is sent; true unless said otherwise. Without it there are no ranges. */
  readonly hasLength?: boolean;
  /** Bytes of the file from `fromByte` on are sent only after `until`: a slow origin without a clock. */
  readonly hold?: { readonly fromByte: number; readonly until: Promise<unknown> };
}

/** A request as the origin saw it. */
export interface OriginRequest {
  readonly path: string;
  readonly range: string | undefined;
}

/** Listens on a free port of 127.0.0.1 from `start` to `stop`. */
export class OriginServer {
  /** Every request, in order of arrival. */
  readonly requests: OriginRequest[] = [];
  private readonly files = new Map<string, OriginFile>();
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private closedBytes = 0;

  constructor() {
    this.server = createServer((request, response) => this.answer(request, response));
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => {
        this.sockets.delete(socket);
        this.closedBytes += socket.bytesWritten;
      });
    });
  }

  /** Begins to listen. */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(0, '127.0.0.1', resolve);
    });
  }

  /** Ends every connection and stops listening. */
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** Serves `file` under `path`, from the next request on. */
  serve(path: string, file: OriginFile): void {
    this.files.set(path, file);
  }

  /** The address of a path. */
  url(path: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  /** Bytes written to all sockets so far, headers included. */
  get sentBytes(): number {
    return [...this.sockets].reduce((sum, socket) => sum + socket.bytesWritten, this.closedBytes);
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '/';
    this.requests.push({ path, range: request.headers.range });
    const file = this.files.get(path);
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    if (file.etag !== undefined) response.setHeader('etag', file.etag);
    const range = parseRange(request.headers.range, file.body.length);
    if (range === undefined || file.hasRanges === false || file.hasLength === false) {
      if (file.hasLength !== false) response.setHeader('content-length', file.body.length);
      response.writeHead(200);
      send(response, file, { start: 0, end: file.body.length });
      return;
    }
    const { start, end } = range;
    if (start >= file.body.length) {
      response.writeHead(416, { 'content-range': `bytes */${file.body.length}` }).end();
      return;
    }
    response.writeHead(206, {
      'content-range': `bytes ${start}-${end - 1}/${file.body.length}`,
      'content-length': end - start,
    });
    send(response, file, { start, end });
  }
}

/** Sends these bytes of the file, those that are held only after the wait. */
function send(
  response: ServerResponse,
  { body, hold }: OriginFile,
  { start, end }: { start: number; end: number },
): void {
  if (hold === undefined || hold.fromByte >= end) {
    response.end(body.subarray(start, end));
    return;
  }
  const heldFrom = Math.max(start, hold.fromByte);
  response.flushHeaders();
  if (heldFrom > start) response.write(body.subarray(start, heldFrom));
  const rest = (): void => void response.end(body.subarray(heldFrom, end));
  hold.until.then(rest, rest);
}

/** Reads `bytes=a-b` and `bytes=a-`; `end` is exclusive. */
function parseRange(
  header: string | undefined,
  length: number,
): { start: number; end: number } | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  if (match === null) return undefined;
  const last = match[2] === '' ? length - 1 : Number(match[2]);
  return { start: Number(match[1]), end: Math.min(last + 1, length) };
}
