import type { PondhawkError } from '@pondhawk/core';
import { type ContentValidator, mayBeSameVersion, parseDownloadUrl } from '@pondhawk/pieces';
import { Agent, type Dispatcher } from 'undici';
import type { AddressGuard } from './address-guard.js';
import {
  originAnswerInvalid,
  originChanged,
  originEncoded,
  originIgnoresRanges,
  originLengthWrong,
  originRedirect,
  originStatus,
  toOriginError,
} from './origin-error.js';
import { headersForHop, hopHeaders } from './origin-headers.js';

/** Connections to one origin at a time; more requests wait in line. */
const CONNECTIONS_PER_ORIGIN_MAX = 16;
/** Idle connections are kept this long for the next piece. */
const KEEP_ALIVE_MS = 4_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** How the daemon goes to origins. */
export interface OriginSettings {
  readonly guard: AddressGuard;
  /** Longest wait for the first byte, and between two bytes. */
  readonly timeoutMs: number;
  readonly maxRedirects: number;
}

/** What is asked of an origin. */
export interface OriginRequest {
  readonly url: string;
  /** The caller's own headers; what would change the answer's form is dropped. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** A slice of the version that `validator` describes. Bytes. */
export interface OriginRange extends OriginRequest {
  readonly offset: number;
  readonly length: number;
  readonly validator: ContentValidator;
}

/** What an origin said of its content. */
export interface OriginContent {
  readonly validator: ContentValidator;
  readonly responseHeaders: Readonly<Record<string, string>>;
  /** The whole content as one stream, where the origin does not answer ranges; to be read or closed. */
  readonly whole: OriginBody | undefined;
}

/** Bytes on their way. Iterating ends with an error unless exactly the promised bytes came. */
export interface OriginBody extends AsyncIterable<Buffer> {
  /** Drops the connection; for a body that is not read to its end. */
  close(): void;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Dispatcher.ResponseData['body'];
}

interface ContentRange {
  readonly start: number;
  readonly end: number;
  readonly total: number | undefined;
}

/**
 * Fetches from HTTP(S) origins: ranges, redirects by hand, identity encoding only, every answer
 * checked against the version the download is made of.
 */
export class OriginClient {
  private readonly agent: Agent;

  constructor(private readonly settings: OriginSettings) {
    this.agent = new Agent({
      connect: { lookup: settings.guard.lookup, timeout: settings.timeoutMs },
      connections: CONNECTIONS_PER_ORIGIN_MAX,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: settings.timeoutMs,
      bodyTimeout: settings.timeoutMs,
    });
  }

  /**
   * Finds out what the origin has: length, version, whether ranges are answered. Asks for one byte;
   * an origin that ignores ranges answers with all of it, which is then the download itself.
   *
   * @throws PondhawkError `ORIGIN_STATUS`, `ORIGIN_REDIRECT`, `ORIGIN_ENCODED`, `ORIGIN_ADDRESS_REFUSED`, `ORIGIN_TIMEOUT`, `ORIGIN_UNREACHABLE`, `ORIGIN_ANSWER_INVALID`.
   */
  async open(request: OriginRequest): Promise<OriginContent> {
    let answer = await this.ask(request, { range: 'bytes=0-0' });
    const range = answer.status === 206 ? parseContentRange(answer.headers) : undefined;
    if (range?.total !== undefined && range.start === 0 && range.end === 0) {
      await drain(bodyOf(answer, 1)); // So that the connection is kept.
      return { ...describe(answer, range.total), whole: undefined };
    }
    if (answer.status === 416 || answer.status === 206) {
      answer.body.destroy();
      answer = await this.ask(request, {});
    }
    if (answer.status !== 200) throw refused(answer);
    const contentLength = parseLength(answer.headers['content-length']);
    return { ...describe(answer, contentLength), whole: bodyOf(answer, contentLength) };
  }

  /**
   * Opens a slice.
   *
   * @throws PondhawkError as `open`; `ORIGIN_CHANGED` if the origin has another version by now, `ORIGIN_IGNORES_RANGES`.
   */
  async fetchRange(range: OriginRange): Promise<OriginBody> {
    const { etag } = range.validator;
    const end = range.offset + range.length - 1;
    const answer = await this.ask(range, {
      range: `bytes=${range.offset}-${end}`,
      // Only a strong tag may stand here.
      ...(etag.startsWith('"') ? { 'if-range': etag } : {}),
    });
    try {
      checkRangeAnswer(answer, range);
    } catch (error) {
      answer.body.destroy();
      throw error;
    }
    return bodyOf(answer, range.length);
  }

  /** Opens the whole content as one stream; the same errors as `fetchRange`. */
  async fetchWhole(request: OriginRequest): Promise<OriginContent & { whole: OriginBody }> {
    const answer = await this.ask(request, {});
    if (answer.status !== 200) throw refused(answer);
    const contentLength = parseLength(answer.headers['content-length']);
    return { ...describe(answer, contentLength), whole: bodyOf(answer, contentLength) };
  }

  /** Drops all connections. */
  async stop(): Promise<void> {
    await this.agent.destroy();
  }

  /** Sends the request, follows redirects, refuses what brings no content. */
  private async ask(request: OriginRequest, extra: Record<string, string>): Promise<Answer> {
    let url = parseDownloadUrl(request.url);
    let headers = headersForHop(request.headers);
    const seen = new Set<string>();
    for (let hop = 0; hop <= this.settings.maxRedirects; hop += 1) {
      if (seen.has(url.href)) throw originRedirect('it leads round in a circle');
      seen.add(url.href);
      const answer = await this.send(url, { ...headers, ...extra }, request.signal);
      if (!REDIRECTS.has(answer.status)) return accepted(answer);
      answer.body.destroy();
      const next = locationOf(answer, url);
      headers = hopHeaders(headers, url, next);
      url = next;
    }
    throw originRedirect(`more than ${this.settings.maxRedirects} in a row`);
  }

  private async send(
    url: URL,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Answer> {
    this.settings.guard.checkHost(url.hostname);
    try {
      const {
        statusCode,
        headers: raw,
        body,
      } = await this.agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'GET',
        headers: { ...headers, 'accept-encoding': 'identity' },
        signal,
      });
      // A body that is dropped before it is read must not end the process.
      body.on('error', () => undefined);
      return { status: statusCode, headers: flatten(raw), body };
    } catch (error) {
      throw toOriginError(error);
    }
  }
}

function accepted(answer: Answer): Answer {
  const { status, headers } = answer;
  if (status !== 200 && status !== 206 && status !== 416) throw refused(answer);
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity' && status !== 416) {
    answer.body.destroy();
    throw originEncoded(encoding);
  }
  return answer;
}

function refused(answer: Answer): PondhawkError {
  answer.body.destroy();
  return originStatus(answer.status);
}

function locationOf(answer: Answer, base: URL): URL {
  const location = answer.headers['location'];
  if (location === undefined || !URL.canParse(location, base.href)) {
    throw originRedirect('it names no address');
  }
  const next = new URL(location, base);
  if (next.protocol !== 'http:' && next.protocol !== 'https:') {
    throw originRedirect('it leads to another scheme');
  }
  next.hash = '';
  return next;
}

function checkRangeAnswer(answer: Answer, asked: OriginRange): void {
  const range = answer.status === 206 ? parseContentRange(answer.headers) : undefined;
  const total =
    answer.status === 206 ? range?.total : parseLength(answer.headers['content-length']);
  const { validator } = describe(answer, total);
  if (!mayBeSameVersion(asked.validator, validator) || answer.status === 416) throw originChanged();
  if (answer.status !== 206) throw originIgnoresRanges();
  if (range?.start !== asked.offset || range.end !== asked.offset + asked.length - 1) {
    throw originAnswerInvalid('another range than the one asked for');
  }
}

function describe(
  answer: Answer,
  contentLength: number | undefined,
): Pick<OriginContent, 'validator' | 'responseHeaders'> {
  return {
    validator: {
      etag: answer.headers['etag'] ?? '',
      lastModified: answer.headers['last-modified'] ?? '',
      contentLength,
    },
    responseHeaders: answer.headers,
  };
}

function parseContentRange(headers: Answer['headers']): ContentRange {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(headers['content-range'] ?? '');
  if (match === null) throw originAnswerInvalid('no content-range in a partial answer');
  return {
    start: Number(match[1]),
    end: Number(match[2]),
    total: match[3] === '*' ? undefined : Number(match[3]),
  };
}

function parseLength(raw: string | undefined): number | undefined {
  return raw !== undefined && /^\d{1,15}$/.test(raw) ? Number(raw) : undefined;
}

function bodyOf(answer: Answer, promisedBytes: number | undefined): OriginBody {
  const { body } = answer;
  return {
    close: () => {
      body.destroy();
    },
    async *[Symbol.asyncIterator]() {
      let receivedBytes = 0;
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          receivedBytes += chunk.length;
          if (receivedBytes > (promisedBytes ?? Infinity)) break;
          yield chunk;
        }
      } catch (error) {
        throw toOriginError(error);
      } finally {
        body.destroy();
      }
      if (promisedBytes !== undefined && receivedBytes !== promisedBytes) {
        throw originLengthWrong(promisedBytes, receivedBytes);
      }
    },
  };
}

async function drain(body: OriginBody): Promise<void> {
  const chunks = body[Symbol.asyncIterator]();
  while ((await chunks.next()).done !== true);
}

function flatten(raw: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (value !== undefined)
      flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}
