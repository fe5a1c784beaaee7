import type { Request, Response } from 'express';
import type { SignedSession } from './session-tokens.js';

/** The cookie's name, as Dragonfly's console reads it. */
export const SESSION_COOKIE = 'jwt';

/** A cookie of a request. */
export function readCookie({ headers }: Request, name: string): string | undefined {
  for (const part of (headers.cookie ?? '').split(';')) {
    const [key = '', ...value] = part.split('=');
    if (key.trim() === name) return value.join('=').trim();
  }
  return undefined;
}

/**
 * Scripts of the page may read it: Dragonfly's console looks into it, and goes back to its sign-in page
 * without. So it lives as short as the session and is never sent along by other sites' forms.
 */
export function setSessionCookie(
  response: Response,
  { token, expiresAtMs }: SignedSession,
  { nowMs, isSecure }: { readonly nowMs: number; readonly isSecure: boolean },
): void {
  const maxAge = expiresAtMs - nowMs;
  response.cookie(SESSION_COOKIE, token, {
    path: '/',
    sameSite: 'lax',
    httpOnly: false,
    secure: isSecure,
    maxAge,
  });
}

/** Makes a browser forget the cookie. */
export function clearSessionCookie(response: Response): void {
  response.clearCookie(SESSION_COOKIE, { path: '/', sameSite: 'lax' });
}
