/** Sessions as signed tokens (JWT, HS256), in the shape that Dragonfly's console reads. */

import { randomUUID } from 'node:crypto';
import type { Clock } from '@pondhawk/core';
import { sign, verify } from 'jsonwebtoken';

/** A session; times are Unix ms, whole seconds. */
export interface Session {
  readonly id: string;
  readonly userId: number;
  /** Of the user at sign-in; a new password ends the session. */
  readonly passwordVersion: number;
  readonly signedInAtMs: number;
  readonly expiresAtMs: number;
}

/** How long sessions last. */
export interface SessionTimes {
  readonly sessionMs: number;
  /** From sign-in on; later a session cannot be made longer. */
  readonly refreshMs: number;
}

/** A signed session. */
export interface SignedSession {
  readonly token: string;
  readonly expiresAtMs: number;
}

const MS = 1_000;

/** Signs sessions and reads them back. */
export class SessionTokens {
  constructor(
    private readonly key: Buffer,
    private readonly clock: Clock,
    private readonly times: SessionTimes,
  ) {}

  /** A session that begins now. */
  begin(user: { readonly id: number; readonly passwordVersion: number }): SignedSession {
    return this.sign({
      userId: user.id,
      passwordVersion: user.passwordVersion,
      signedInAtMs: this.clock.nowMs(),
    });
  }

  /** The same session from now on; undefined once its sign-in lies too far back. */
  renew(session: Session): SignedSession | undefined {
    const isTooOld = this.clock.nowMs() >= session.signedInAtMs + this.times.refreshMs;
    return isTooOld ? undefined : this.sign(session);
  }

  /** The session that a token stands for; undefined if it is expired or not signed by us. */
  read(token: string): Session | undefined {
    try {
      const claims = verify(token, this.key, {
        algorithms: ['HS256'],
        clockTimestamp: Math.floor(this.clock.nowMs() / MS),
      });
      return typeof claims === 'string' ? undefined : toSession(claims);
    } catch {
      // Whatever is wrong with it, the caller has to sign in.
      return undefined;
    }
  }

  private sign(facts: Pick<Session, 'userId' | 'passwordVersion' | 'signedInAtMs'>): SignedSession {
    const nowSeconds = Math.floor(this.clock.nowMs() / MS);
    const exp = nowSeconds + Math.floor(this.times.sessionMs / MS);
    const claims = {
      // Dragonfly's console reads the user's id from here.
      id: facts.userId,
      orig_iat: Math.floor(facts.signedInAtMs / MS),
      password_version: facts.passwordVersion,
      jti: randomUUID(),
      iat: nowSeconds,
      exp,
    };
    return { token: sign(claims, this.key, { algorithm: 'HS256' }), expiresAtMs: exp * MS };
  }
}

function toSession(claims: Readonly<Record<string, unknown>>): Session | undefined {
  const { id, orig_iat, password_version, jti, exp } = claims;
  if (typeof jti !== 'string') return undefined;
  const numbers = [id, orig_iat, password_version, exp];
  if (!numbers.every((value) => Number.isSafeInteger(value))) return undefined;
  return {
    id: jti,
    userId: id as number,
    passwordVersion: password_version as number,
    signedInAtMs: (orig_iat as number) * MS,
    expiresAtMs: (exp as number) * MS,
  };
}
