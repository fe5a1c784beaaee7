import { PermissionDeniedError, UnauthenticatedError, type Clock } from '@pondhawk/core';
import type { Request } from 'express';
import { TOKEN_PREFIX, type AccessTokens } from './access-token.js';
import type { Caller } from './caller.js';
import type { IdentityStore } from './identity-store.js';
import { TOKEN_API } from './route-access.js';
import { readCookie, SESSION_COOKIE } from './session-cookie.js';
import type { SessionTokens } from './session-tokens.js';

/** What a request shows of its caller. */
interface Credential {
  readonly value: string;
  /** Sent by a browser on its own, whichever page asked for it. */
  readonly isCookie: boolean;
}

/** Whether a request came by the way that only tokens have. */
export function isTokenApi({ originalUrl }: Pick<Request, 'originalUrl'>): boolean {
  return originalUrl.startsWith(`${TOKEN_API}/`);
}

/** Finds out who a request comes from. */
export class Authenticator {
  constructor(
    private readonly store: IdentityStore,
    private readonly sessions: SessionTokens,
    private readonly tokens: AccessTokens,
    private readonly clock: Clock,
  ) {}

  /** Whether the credential is one that a browser sends on its own. */
  isByCookie(request: Request): boolean {
    return credentialOf(request)?.isCookie ?? false;
  }

  /**
   * @throws UnauthenticatedError (`UNAUTHENTICATED`) without a credential that is good.
   * @throws PermissionDeniedError (`TOKEN_DENIED`) for a token that is known and not accepted any more.
   */
  async authenticate(request: Request): Promise<Caller> {
    const credential = credentialOf(request);
    if (credential === undefined) throw unauthenticated('Sign in first.');
    if (credential.value.startsWith(TOKEN_PREFIX) && !credential.isCookie) {
      return this.byToken(request, credential.value);
    }
    if (isTokenApi(request)) throw unauthenticated('This needs a personal access token.');
    return this.bySession(credential.value);
  }

  private async bySession(value: string): Promise<Caller> {
    const session = this.sessions.read(value);
    if (session === undefined) throw unauthenticated('The session has ended; sign in again.');
    const user = await this.store.findUser(session.userId);
    const isGood =
      user?.state === 'enable' &&
      user.passwordVersion === session.passwordVersion &&
      !(await this.store.isSessionEnded(session.id));
    if (!isGood) throw unauthenticated('The session has ended; sign in again.');
    return { via: 'session', user, session };
  }

  private async byToken(request: Request, value: string): Promise<Caller> {
    const lookup = this.tokens.lookupOf(value);
    const token = lookup === undefined ? undefined : await this.store.findToken(lookup);
    if (token === undefined || !this.tokens.isProvedBy(token.secretHash, value)) {
      throw unauthenticated('There is no such token.');
    }
    if (token.state !== 'active') throw refuseToken(request, 'The token is inactive.');
    if (token.expiresAtMs <= this.clock.nowMs()) {
      throw refuseToken(request, 'The token has expired.');
    }
    const user = await this.store.findUser(token.userId);
    if (user?.state !== 'enable') throw refuseToken(request, "The token's user may not sign in.");
    return { via: 'token', user, token };
  }
}

/** 403 where only tokens go, 401 elsewhere, as Dragonfly's clients expect. */
export function refuseToken(request: Request, why: string): Error {
  return isTokenApi(request)
    ? new PermissionDeniedError('TOKEN_DENIED', why)
    : unauthenticated(why);
}

function unauthenticated(why: string): UnauthenticatedError {
  return new UnauthenticatedError('UNAUTHENTICATED', why);
}

/** The header goes before the cookie; the query is read only where Dragonfly's clients send a token in it. */
function credentialOf(request: Request): Credential | undefined {
  const header = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (header !== undefined) return { value: header, isCookie: false };
  if (isTokenApi(request)) {
    const value = request.query['access_token'];
    return typeof value === 'string' ? { value, isCookie: false } : undefined;
  }
  const cookie = readCookie(request, SESSION_COOKIE);
  return cookie === undefined ? undefined : { value: cookie, isCookie: true };
}
