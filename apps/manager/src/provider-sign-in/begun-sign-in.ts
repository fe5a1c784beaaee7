/** A sign-in under way, kept by the browser that began it: sealed, so that nobody reads or makes one. */

import { randomBytes } from 'node:crypto';
import type { Request, Response } from 'express';
import { readCookie } from '../identity/session-cookie.js';
import { openSecret, sealSecret } from '../named-records/sealed-secret.js';

/** How long somebody may take at the provider. */
export const SIGN_IN_MS_MAX = 10 * 60_000;

const COOKIE = 'pondhawk_sign_in';
const RANDOM_BYTES = 32;

/** What must come back, and what proves that it is for us. */
export interface BegunSignIn {
  readonly provider: string;
  /** Comes back with the browser. */
  readonly state: string;
  /** Comes back in the provider's token. */
  readonly nonce: string;
  /** Its hash went out with the browser; it goes with the code (PKCE). */
  readonly verifier: string;
  readonly expiresAtMs: number;
}

/** How the cookie is kept. */
export interface CookieFacts {
  readonly key: Buffer;
  readonly nowMs: number;
  readonly isSecure: boolean;
}

/** A new one, kept in the browser's cookie. */
export function beginSignIn(
  response: Response,
  provider: string,
  { key, nowMs, isSecure }: CookieFacts,
): BegunSignIn {
  const random = (): string => randomBytes(RANDOM_BYTES).toString('base64url');
  const begun = {
    ...{ provider, state: random(), nonce: random(), verifier: random() },
    expiresAtMs: nowMs + SIGN_IN_MS_MAX,
  };
  const sealed = encodeURIComponent(sealSecret(key, JSON.stringify(begun)));
  response.cookie(COOKIE, sealed, {
    ...{ path: pathOf(provider), httpOnly: true, sameSite: 'lax', secure: isSecure },
    // It is text for a cookie already.
    ...{ maxAge: SIGN_IN_MS_MAX, encode: (text: string) => text },
  });
  return begun;
}

/** What this browser began with this provider, good for once; undefined if that is nothing, or long ago. */
export function takeSignIn(
  { request, response }: { readonly request: Request; readonly response: Response },
  provider: string,
  { key, nowMs }: Pick<CookieFacts, 'key' | 'nowMs'>,
): BegunSignIn | undefined {
  const sealed = readCookie(request, COOKIE);
  if (sealed === undefined) return undefined;
  response.clearCookie(COOKIE, { path: pathOf(provider), httpOnly: true, sameSite: 'lax' });
  try {
    const begun = JSON.parse(openSecret(key, decodeURIComponent(sealed))) as BegunSignIn;
    return begun.provider === provider && begun.expiresAtMs > nowMs ? begun : undefined;
  } catch {
    // Made up, or sealed with another key: nothing was begun here.
    return undefined;
  }
}

function pathOf(provider: string): string {
  return `/api/v1/users/signin/${provider}`;
}
