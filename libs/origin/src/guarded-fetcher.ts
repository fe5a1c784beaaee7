import { Agent, type Dispatcher } from 'undici';
import type { AddressGuard } from './address-guard.js';
import { originRedirect, toOriginError } from './origin-error.js';
import { hasCredentials, hopHeaders, urlCredentials } from './origin-headers.js';

/** Connections to one origin at a time; more requests wait in line. */
const CONNECTIONS_PER_ORIGIN_MAX = 16;
/** Idle connections are kept this long for the next request. */
const KEEP_ALIVE_MS = 4_000;
/** All headers of one answer together. */
export const ANSWER_HEADERS_BYTES_MAX = 16_384;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** How a daemon goes out. */
export interface FetcherSettings {
  readonly guard: AddressGuard;
  /** Longest wait for the first byte, and between two bytes. */
  readonly timeoutMs: number;
  readonly maxRedirects: number;
  /** Certificates that servers are checked against, PEM; undefined for Node's own. */
  readonly roots?: readonly string[] | undefined;
}

/** A GET. */
export interface FetchRequest {
  /** http or https; user and password in it are told to that origin alone. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** An answer that is no redirect; its body is to be read or destroyed. */
export interface FetchAnswer {
  readonly status: number;
  /** By lower-case name; those that came twice are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Dispatcher.ResponseData['body'];
  /** Where it came from, after all redirects. */
  readonly url: URL;
}

/**
 * GETs what callers name, at addresses that the guard allows, also after redirects: those are
 * followed by hand, each hop judged anew, and credentials go to no origin but the first.
 */
export class GuardedFetcher {
  private readonly agent: Agent;

  constructor(private readonly settings: FetcherSettings) {
    const { guard, timeoutMs, roots } = settings;
    const ca = roots === undefined ? {} : { ca: [...roots] };
    this.agent = new Agent({
      connect: { lookup: guard.lookup, timeout: timeoutMs, ...ca },
      connections: CONNECTIONS_PER_ORIGIN_MAX,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxHeaderSize: ANSWER_HEADERS_BYTES_MAX,
    });
  }

  /**
   * Sends the request and follows redirects; any other status is the caller's to judge. Asks for no
   * encoding of the content.
   *
   * @throws PondhawkError `ORIGIN_REDIRECT`, `ORIGIN_ADDRESS_REFUSED`, `ORIGIN_TIMEOUT`, `ORIGIN_UNREACHABLE`, `ORIGIN_ANSWER_INVALID`, `INVALID_REQUEST_HEADER`; the signal's reason once it is aborted.
   */
  async get(request: FetchRequest): Promise<FetchAnswer> {
    let { url } = request;
    let headers = { ...request.headers, ...urlCredentials(url, request.headers) };
    const seen = new Set<string>();
    for (let hop = 0; hop <= this.settings.maxRedirects; hop += 1) {
      if (seen.has(url.href)) throw originRedirect('it leads round in a circle');
      seen.add(url.href);
      const answer = await this.send({ url, headers, signal: request.signal });
      if (!REDIRECTS.has(answer.status)) return answer;
      answer.body.destroy();
      const next = locationOf(answer);
      if (url.protocol === 'https:' && next.protocol === 'http:' && hasCredentials(headers)) {
        throw originRedirect('it leads from https to http, in a request with credentials');
      }
      headers = hopHeaders(headers, url, next);
      url = next;
    }
    throw originRedirect(`more than ${this.settings.maxRedirects} in a row`);
  }

  /** Drops all connections. */
  async stop(): Promise<void> {
    await this.agent.destroy();
  }

  private async send({ url, headers, signal }: FetchRequest): Promise<FetchAnswer> {
    this.settings.guard.checkHost(url.hostname);
    try {
      const answer = await this.agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'GET',
        headers: { ...headers, 'accept-encoding': 'identity' },
        signal,
      });
      // A body that is dropped before it is read must not end the process.
      answer.body.on('error', () => undefined);
      return {
        status: answer.statusCode,
        headers: flatten(answer.headers),
        body: answer.body,
        url,
      };
    } catch (error) {
      throw toOriginError(error);
    }
  }
}

/** Where a redirect leads; without user, password and fragment, which it is not asked for. */
function locationOf(answer: FetchAnswer): URL {
  const location = answer.headers['location'];
  if (location === undefined || !URL.canParse(location, answer.url.href)) {
    throw originRedirect('it names no address');
  }
  const next = new URL(location, answer.url);
  if (next.protocol !== 'http:' && next.protocol !== 'https:') {
    throw originRedirect('it leads to another scheme');
  }
  next.hash = '';
  next.username = '';
  next.password = '';
  return next;
}

function flatten(raw: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (value !== undefined)
      flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}
