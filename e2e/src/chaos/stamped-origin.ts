/** An origin that has another version each time somebody begins to read, and remembers when it sent what. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OriginWrite } from '@pondhawk/testing';
import { stampedBytes } from './stamps.js';

/** What one path of the origin has. */
export interface ContentFacts {
  readonly sizeBytes: number;
  /** Pause between two slices, so that fills are under way for a while; 0: none. */
  readonly pauseMs: number;
}

interface StampedContent extends ContentFacts {
  readonly index: number;
  version: number;
  versionSinceMs: number;
}

const SLICE_BYTES = 128 * 1024;
/** Hosts that begin within this read the same version: a swarm has several readers of its origin in trouble. */
const VERSION_MS_MIN = 300;

/** Listens on a free port from `start` to `stop`. */
export class StampedOrigin {
  /** All that was sent, in order. */
  readonly writes: OriginWrite[] = [];
  private readonly contents = new Map<string, StampedContent>();
  private readonly server: Server = createServer((request, response) => {
    void this.answer(request, response).catch(() => response.destroy());
  });

  /** Begins to listen. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  /** Ends every connection and stops listening. */
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** Has a content under `path` from now on; gives the number that its stamps bear. */
  add(path: string, facts: ContentFacts): number {
    const index = this.contents.size + 1;
    this.contents.set(path, { ...facts, index, version: 0, versionSinceMs: -Infinity });
    return index;
  }

  /** The address of a path. */
  url(path: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  /** The next reader begins another version. */
  renew(path: string): void {
    const content = this.contents.get(path);
    if (content !== undefined) content.versionSinceMs = -Infinity;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const content = this.contents.get(path);
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    if (content === undefined || range === null) {
      response.writeHead(content === undefined ? 404 : 400).end();
      return;
    }
    const [startByte, endByte] = [Number(range[1]), Number(range[2]) + 1];
    const version = versionFor(content, request.headers['if-range']);
    response.writeHead(206, {
      etag: `"${version}"`,
      'content-range': `bytes ${startByte}-${endByte - 1}/${content.sizeBytes}`,
      'content-length': endByte - startByte,
    });
    for (let at = startByte; at < endByte && !response.destroyed; at += SLICE_BYTES) {
      const slice = { version, startByte: at, endByte: Math.min(at + SLICE_BYTES, endByte) };
      await this.send(response, { path, content, slice });
      if (content.pauseMs > 0 && slice.endByte < endByte) await sleep(content.pauseMs);
    }
    response.end();
  }

  private async send(
    response: ServerResponse,
    sent: {
      readonly path: string;
      readonly content: StampedContent;
      readonly slice: { version: number; startByte: number; endByte: number };
    },
  ): Promise<void> {
    await new Promise<void>((resolve) => {
      response.write(stampedBytes(sent.content.index, sent.slice), () => {
        // Also after an error: part of it may have gone out.
        this.writes.push({ content: sent.path, ...sent.slice, atMs: performance.now() });
        resolve();
      });
    });
  }
}

/** Who names a version gets that one, generated now; who does not begins to read. */
function versionFor(content: StampedContent, ifRange: unknown): number {
  if (typeof ifRange === 'string') return Number(ifRange.replaceAll('"', ''));
  if (performance.now() - content.versionSinceMs > VERSION_MS_MIN) {
    content.version += 1;
    content.versionSinceMs = performance.now();
  }
  return content.version;
}
