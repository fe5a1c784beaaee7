import { randomBytes } from 'node:crypto';
import { ConflictError } from '@pondhawk/core';
import type { IdTokenClaims } from 'openid-client';
import { USER_NAME_LENGTH } from '../identity/identity-requests.js';
import type { IdentityStore } from '../identity/identity-store.js';
import type { PasswordHasher } from '../identity/password.js';
import { GUEST_ROLE, type IdentityReader, type UserRecord } from '../ledger/index.js';
import { notLetIn } from './sign-in-errors.js';

/** Names that are tried for a new user. */
const NAME_TRIES_MAX = 8;
const EMAIL = /^[^\s@]{1,64}@[^\s@]{1,189}$/;

/** Users who sign in by a provider: found by issuer and subject alone, never by a name or an address. */
export class LinkedUsers {
  constructor(
    private readonly reader: IdentityReader,
    private readonly store: IdentityStore,
    private readonly hasher: PasswordHasher,
    private readonly isOpen: boolean,
  ) {}

  /**
   * The user of these claims; at the first time a new one with the role guest.
   *
   * @throws UnauthenticatedError (`SIGN_IN_NOT_ALLOWED`) for who is disabled, and for new ones if none are wanted.
   */
  async of(claims: IdTokenClaims): Promise<UserRecord> {
    const link = { issuer: claims.iss, subject: claims.sub };
    const known = await this.reader.findLinkedUser(link);
    if (known === undefined && !this.isOpen) throw notLetIn();
    const user = known ?? (await this.create(claims, link));
    if (user.state !== 'enable') throw notLetIn();
    return user;
  }

  private async create(
    claims: IdTokenClaims,
    link: { readonly issuer: string; readonly subject: string },
  ): Promise<UserRecord> {
    // Nobody knows it: this user has no password to sign in with.
    const passwordHash = await this.hasher.hash(randomBytes(32).toString('hex'));
    const facts = { avatar: '', phone: '', location: '', bio: '', roles: [GUEST_ROLE] };
    let email = emailOf(claims) ?? placeholder();
    for (let tries = 1; ; tries += 1) {
      const name = nameOf(claims, tries);
      try {
        await this.store.change('create-user', { ...facts, name, email, passwordHash, link });
        break;
      } catch (error) {
        const isTaken = error instanceof ConflictError && error.code === 'USER_EXISTS';
        if (!isTaken || tries === NAME_TRIES_MAX) throw error;
        // Somebody else's address does not make one somebody else.
        if (error.details['field'] === 'email') email = placeholder();
      }
    }
    const created = await this.reader.findLinkedUser(link);
    if (created === undefined) throw notLetIn();
    return created;
  }
}

/** The name that the provider calls one by, with random characters if it is taken or too short. */
function nameOf({ preferred_username, email, name }: IdTokenClaims, tries: number): string {
  const { min, max } = USER_NAME_LENGTH;
  const raw = preferred_username ?? email?.split('@')[0] ?? name ?? '';
  const known = raw.replace(/[^A-Za-z0-9._-]/g, '').slice(0, max);
  if (tries === 1 && known.length >= min) return known;
  return `${known.slice(0, max - 5)}-${randomBytes(2).toString('hex')}`;
}

/** Only an address that the provider has verified. */
function emailOf({ email, email_verified }: IdTokenClaims): string | undefined {
  return email !== undefined && email_verified === true && EMAIL.test(email) ? email : undefined;
}

/** In a domain that never exists (RFC 2606). */
function placeholder(): string {
  return `${randomBytes(8).toString('hex')}@users.invalid`;
}
