import {
  type FetchAnswer,
  type GuardedFetcher,
  type UserPassword,
  basicAuthorization,
  callerHeaders,
  originStatus,
} from '@pondhawk/origin';
import { type AuthChallenge, parseChallenges } from './auth-challenge.js';
import { readBounded } from './bounded-body.js';
import { challengeRefused, imageNotFound, registryRefused } from './image-error.js';
import type { ImageUrl } from './image-url.js';

/** An answer of a token service. */
const TOKEN_ANSWER_BYTES_MAX = 65_536;
/** What may stand in a header, and fits into one. */
const TOKEN = /^[\x21-\x7e]{1,16000}$/;

/** Who reads, and how long. */
export interface RegistryAccess {
  readonly image: ImageUrl;
  readonly user: UserPassword;
  /** The caller's own headers; an `Authorization` among them is used as it is. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Requests to one registry for one repository. The first that is refused with a challenge fetches a
 * token (or takes to Basic); all later ones carry it.
 *
 * Who gets what: the registry's origin the headers and the token; the token service, wherever the
 * registry says it is, user and password. Neither goes anywhere by a redirect, and the latter not
 * unencrypted to another origin than the registry's own.
 */
export class RegistrySession {
  private readonly callers: Readonly<Record<string, string>>;
  /** Set once the registry has asked for it. */
  private authorization: string | undefined;

  constructor(
    private readonly fetcher: GuardedFetcher,
    private readonly access: RegistryAccess,
  ) {
    this.callers = callerHeaders(access.headers);
  }

  /** What requests for blobs have to carry. Secret. */
  get headers(): Readonly<Record<string, string>> {
    const { authorization } = this;
    return { ...this.callers, ...(authorization === undefined ? {} : { authorization }) };
  }

  /**
   * GETs something of the repository.
   *
   * @returns an answer of status 200.
   * @throws PondhawkError `IMAGE_NOT_FOUND`, `REGISTRY_CREDENTIALS_REFUSED`, `REGISTRY_CHALLENGE_REFUSED`, or as `GuardedFetcher.get` does; `ORIGIN_STATUS` for other answers.
   */
  async get(url: URL, accept: string): Promise<FetchAnswer> {
    let answer = await this.ask(url, accept);
    if (answer.status === 401 && this.mayAuthorize()) {
      answer.body.destroy();
      this.authorization = await this.authorize(answer.headers['www-authenticate'] ?? '');
      answer = await this.ask(url, accept);
    }
    if (answer.status === 200) return answer;
    answer.body.destroy();
    if (answer.status === 401 || answer.status === 403) throw this.refused();
    if (answer.status === 404) throw imageNotFound(`${this.access.image.repository} as asked for`);
    throw originStatus(answer.status);
  }

  private ask(url: URL, accept: string): Promise<FetchAnswer> {
    const headers = { ...this.headers, accept };
    return this.fetcher.get({ url, headers, signal: this.access.signal });
  }

  private mayAuthorize(): boolean {
    return this.authorization === undefined && !('authorization' in this.callers);
  }

  private async authorize(header: string): Promise<string> {
    const challenges = parseChallenges(header);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return `Bearer ${await this.fetchToken(bearer)}`;
    if (!challenges.some(({ scheme }) => scheme === 'basic')) {
      throw challengeRefused('it is neither Bearer nor Basic');
    }
    if (this.access.user.user === '') throw this.refused();
    return basicAuthorization(this.access.user);
  }

  private async fetchToken({ parameters }: AuthChallenge): Promise<string> {
    const { user, image, signal } = this.access;
    const isNamed = user.user !== '';
    const url = this.tokenUrl(parameters);
    const isOwn = url.origin === image.registry.origin;
    if (isNamed && url.protocol !== 'https:' && !isOwn) {
      throw challengeRefused('user and password would go to its token service unencrypted');
    }
    const headers = isNamed ? { authorization: basicAuthorization(user) } : {};
    const answer = await this.fetcher.get({ url, headers, signal });
    if (answer.status !== 200) {
      answer.body.destroy();
      if (answer.status === 401 || answer.status === 403) throw this.refused();
      throw originStatus(answer.status);
    }
    const tooLarge = (): Error => challengeRefused('its token service answers too much');
    return readToken(await readBounded(answer, { bytesMax: TOKEN_ANSWER_BYTES_MAX, tooLarge }));
  }

  private tokenUrl({ realm = '', service, scope }: AuthChallenge['parameters']): URL {
    if (!URL.canParse(realm) || !/^https?:$/.test(new URL(realm).protocol)) {
      throw challengeRefused('it names no address of a token service');
    }
    const url = new URL(realm);
    // What the registry says of users is not asked for.
    url.username = '';
    url.password = '';
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', scope ?? `repository:${this.access.image.repository}:pull`);
    return url;
  }

  private refused(): Error {
    return registryRefused(this.access.user.user !== '' || 'authorization' in this.callers);
  }
}

/** Both names are in use; they mean the same. */
function readToken(body: Buffer): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    throw challengeRefused('its token service gives no JSON');
  }
  const { token, access_token: accessToken } = (parsed ?? {}) as Record<string, unknown>;
  const found = typeof token === 'string' && token !== '' ? token : accessToken;
  if (typeof found !== 'string' || !TOKEN.test(found)) {
    throw challengeRefused('its token service gives no token');
  }
  return found;
}
