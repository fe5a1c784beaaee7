import { UnauthenticatedError } from '@pondhawk/core';
import type { IdentityReader, UserRecord } from '../ledger/index.js';
import type { IdentityStore } from './identity-store.js';
import type { PasswordHasher } from './password.js';
import type { Session, SessionTokens, SignedSession } from './session-tokens.js';
import type { SignInGate } from './sign-in-gate.js';

/** A name, what is said to be its password, and where that came from. */
export interface PasswordProof {
  readonly name: string;
  readonly password: string;
  readonly remoteIp: string;
}

/** Begins, renews and ends sessions; every check of a password goes through here. */
export class SignIn {
  constructor(
    private readonly reader: IdentityReader,
    private readonly store: IdentityStore,
    private readonly hasher: PasswordHasher,
    private readonly sessions: SessionTokens,
    private readonly gate: SignInGate,
  ) {}

  /**
   * @throws UnauthenticatedError (`WRONG_PASSWORD`), the same for a name that does not exist or may
   *   not sign in.
   * @throws ResourceExhaustedError (`SIGN_IN_LOCKED`, `SIGN_IN_RATE_LIMITED`, `SIGN_IN_BUSY`).
   */
  async begin(proof: PasswordProof): Promise<SignedSession> {
    this.gate.enter(proof);
    const user = await this.reader.findUserByName(proof.name);
    return this.sessions.begin(await this.check(user, proof));
  }

  /** Sets a new password for who knows the old one; ends all sessions. @throws as `begin`. */
  async resetPassword(
    userId: number,
    passwords: { readonly old: string; readonly new: string; readonly remoteIp: string },
  ): Promise<UserRecord> {
    const user = await this.reader.findUser(userId);
    const name = user?.name ?? `user ${userId}`;
    const proof = { name, password: passwords.old, remoteIp: passwords.remoteIp };
    this.gate.enter(proof);
    const checked = await this.check(user, proof);
    const passwordHash = await this.hasher.hash(passwords.new);
    await this.store.change('set-password', { userId, passwordHash });
    return checked;
  }

  /** @throws UnauthenticatedError (`SESSION_TOO_OLD`) once its sign-in lies too far back. */
  async renew(session: Session): Promise<SignedSession> {
    const renewed = this.sessions.renew(session);
    if (renewed === undefined) {
      throw new UnauthenticatedError('SESSION_TOO_OLD', 'Sign in again: it was too long ago.');
    }
    await this.end(session);
    return renewed;
  }

  /** The session is good for nothing any more. */
  async end({ id, expiresAtMs }: Session): Promise<void> {
    await this.store.change('end-session', { sessionId: id, expiresAtMs });
  }

  private async check(user: UserRecord | undefined, proof: PasswordProof): Promise<UserRecord> {
    const mayTry = user?.state === 'enable' ? user.passwordHash : undefined;
    if ((await this.hasher.verify(mayTry, proof.password)) && user !== undefined) {
      this.gate.succeed(proof);
      return user;
    }
    this.gate.fail(proof);
    throw new UnauthenticatedError('WRONG_PASSWORD', 'Name or password is wrong.');
  }
}
