import { NotFoundError, PermissionDeniedError } from '@pondhawk/core';
import type { IdentityReader, UserRecord } from '../ledger/index.js';
import type { Action } from './access-policy.js';
import { scopeOf } from './access-token.js';
import type { Caller } from './caller.js';
import type { UserProfile } from './identity-requests.js';
import type { IdentityStore } from './identity-store.js';
import type { PasswordHasher } from './password.js';

/** A user to create. */
export interface NewUser extends UserProfile {
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly roles: readonly string[];
}

/** Users, and what they may beyond what the guard has asked already. */
export class UserAccounts {
  constructor(
    private readonly reader: IdentityReader,
    private readonly store: IdentityStore,
    private readonly hasher: PasswordHasher,
  ) {}

  /** @throws ConflictError (`USER_EXISTS`). */
  async create({ password, ...user }: NewUser): Promise<UserRecord> {
    const passwordHash = await this.hasher.hash(password);
    const { id } = await this.store.change('create-user', {
      ...{ avatar: '', phone: '', location: '', bio: '' },
      ...user,
      passwordHash,
    });
    return this.require(id);
  }

  /** @throws NotFoundError (`USER_NOT_FOUND`). */
  async require(userId: number): Promise<UserRecord> {
    const user = await this.reader.findUser(userId);
    if (user !== undefined) return user;
    throw new NotFoundError('USER_NOT_FOUND', `There is no user ${userId}.`, {
      details: { field: 'user_id', id: userId },
    });
  }

  /** Whether the caller's roles, and the scopes of his token if he has one, allow it. */
  async may(caller: Caller, object: string, action: Action): Promise<boolean> {
    if (caller.via === 'token' && !caller.token.scopes.includes(scopeOf(object))) return false;
    return (await this.store.loadPolicy()).may(caller.user.roles, object, action);
  }

  /** @throws PermissionDeniedError (`PERMISSION_DENIED`). */
  async requireMay(caller: Caller, object: string, action: Action): Promise<void> {
    if (await this.may(caller, object, action)) return;
    throw new PermissionDeniedError('PERMISSION_DENIED', `You may not change ${object}.`);
  }
}
