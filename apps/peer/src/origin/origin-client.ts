import type { PondhawkError } from '@pondhawk/core';
import {
  type FetchAnswer,
  type FetcherSettings,
  GuardedFetcher,
  callerHeaders,
  originAnswerInvalid,
  originStatus,
  toOriginError,
} from '@pondhawk/origin';
import { type ContentValidator, mayBeSameVersion, parseDownloadUrl } from '@pondhawk/pieces';
import {
  originChanged,
  originEncoded,
  originIgnoresRanges,
  originLengthWrong,
} from './origin-error.js';

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

interface ContentRange {
  readonly start: number;
  readonly end: number;
  readonly total: number | undefined;
}

/**
 * Fetches from HTTP(S) origins: ranges, identity encoding only, every answer checked against the
 * version the download is made of.
 */
export class OriginClient {
  private readonly fetcher: GuardedFetcher;

  constructor(settings: FetcherSettings) {
    this.fetcher = new GuardedFetcher(settings);
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
    await this.fetcher.stop();
  }

  /** Sends the request and refuses what brings no content. */
  private async ask(request: OriginRequest, extra: Record<string, string>): Promise<FetchAnswer> {
    const answer = await this.fetcher.get({
      url: parseDownloadUrl(request.url),
      headers: { ...callerHeaders(request.headers), ...extra },
      signal: request.signal,
    });
    return accepted(answer);
  }
}

function accepted(answer: FetchAnswer): FetchAnswer {
  const { status, headers } = answer;
  if (status !== 200 && status !== 206 && status !== 416) throw refused(answer);
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity' && status !== 416) {
    answer.body.destroy();
    throw originEncoded(encoding);
  }
  return answer;
}

function refused(answer: FetchAnswer): PondhawkError {
  answer.body.destroy();
  return originStatus(answer.status);
}

function checkRangeAnswer(answer: FetchAnswer, asked: OriginRange): void {
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
  answer: FetchAnswer,
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

function parseContentRange(headers: FetchAnswer['headers']): ContentRange {
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

function bodyOf(answer: FetchAnswer, promisedBytes: number | undefined): OriginBody {
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
