/** The commands about users, roles, tokens, sessions and the audit log. */

import type {
  AuditEntry,
  Permission,
  TokenState,
  UserLink,
  UserState,
} from './identity-records.js';

/** A user to create. */
export interface CreateUser {
  readonly atMs: number;
  readonly name: string;
  readonly email: string;
  readonly passwordHash: string;
  readonly avatar: string;
  readonly phone: string;
  readonly location: string;
  readonly bio: string;
  readonly roles: readonly string[];
  /** As whom he signs in at a provider; if somebody does already, that one is answered and nobody created. */
  readonly link?: UserLink;
  /** Refuse it once there is any user: for the first start. */
  readonly onlyAsFirst?: boolean;
}

/** What is to change of a user; what is absent stays. */
export interface UpdateUser {
  readonly atMs: number;
  readonly userId: number;
  readonly email?: string;
  readonly avatar?: string;
  readonly phone?: string;
  readonly location?: string;
  readonly bio?: string;
  readonly state?: UserState;
}

/** A role of a user. */
export interface ChangeUserRole {
  readonly atMs: number;
  readonly userId: number;
  readonly role: string;
}

/** A permission of a role. */
export interface ChangePermission extends Permission {
  readonly atMs: number;
  readonly role: string;
}

/** A token to create; its secret is known to the caller alone. */
export interface CreateToken {
  readonly atMs: number;
  readonly name: string;
  readonly lookup: string;
  readonly secretHash: string;
  readonly bio: string;
  readonly scopes: readonly string[];
  readonly expiresAtMs: number;
  readonly userId: number;
}

/** What is to change of a token; what is absent stays. */
export interface UpdateToken {
  readonly atMs: number;
  readonly tokenId: number;
  readonly bio?: string;
  readonly scopes?: readonly string[];
  readonly state?: TokenState;
  readonly expiresAtMs?: number;
  readonly userId?: number;
}

interface Command<Input, Result = undefined> {
  readonly input: Input & { readonly atMs: number };
  readonly result: Result;
}

/** Each command by name: what goes in and what its commit answers. */
export interface IdentityCommands {
  /** @throws ConflictError (`USER_EXISTS`) for a name or email that is taken, or for a second first user. */
  readonly 'create-user': Command<CreateUser, { readonly id: number }>;
  /**
   * @throws NotFoundError (`USER_NOT_FOUND`).
   * @throws ConflictError (`USER_EXISTS`) for an email that is taken, (`LAST_ROOT`).
   */
  readonly 'update-user': Command<UpdateUser>;
  /** Ends the user's sessions besides. @throws NotFoundError (`USER_NOT_FOUND`). */
  readonly 'set-password': Command<{ readonly userId: number; readonly passwordHash: string }>;
  /**
   * @throws NotFoundError (`USER_NOT_FOUND`, `ROLE_NOT_FOUND`).
   * @throws ConflictError (`ROLE_ALREADY_GRANTED`).
   */
  readonly 'grant-role': Command<ChangeUserRole>;
  /**
   * @throws NotFoundError (`USER_NOT_FOUND`, `ROLE_NOT_GRANTED`).
   * @throws ConflictError (`LAST_ROOT`).
   */
  readonly 'revoke-role': Command<ChangeUserRole>;
  /** @throws ConflictError (`ROLE_EXISTS`). */
  readonly 'create-role': Command<{
    readonly role: string;
    readonly permissions: readonly Permission[];
  }>;
  /**
   * Takes it from everybody who has it.
   *
   * @throws NotFoundError (`ROLE_NOT_FOUND`).
   * @throws ConflictError (`ROLE_BUILT_IN`).
   */
  readonly 'delete-role': Command<{ readonly role: string }>;
  /**
   * @throws NotFoundError (`ROLE_NOT_FOUND`).
   * @throws ConflictError (`ROLE_BUILT_IN`, `PERMISSION_EXISTS`).
   */
  readonly 'add-permission': Command<ChangePermission>;
  /**
   * @throws NotFoundError (`ROLE_NOT_FOUND`, `PERMISSION_NOT_FOUND`).
   * @throws ConflictError (`ROLE_BUILT_IN`).
   */
  readonly 'remove-permission': Command<ChangePermission>;
  /**
   * @throws NotFoundError (`USER_NOT_FOUND`).
   * @throws ConflictError (`TOKEN_EXISTS`) for a name that is taken.
   */
  readonly 'create-token': Command<CreateToken, { readonly id: number }>;
  /** @throws NotFoundError (`TOKEN_NOT_FOUND`, `USER_NOT_FOUND`). */
  readonly 'update-token': Command<UpdateToken>;
  /** @throws NotFoundError (`TOKEN_NOT_FOUND`). */
  readonly 'delete-token': Command<{ readonly tokenId: number }>;
  /** Forgets those besides whose time has run out. */
  readonly 'end-session': Command<{ readonly sessionId: string; readonly expiresAtMs: number }>;
  /** Writes down what was refused, or what changed nothing; what changes is written with the change. */
  readonly 'append-audits': Command<{ readonly entries: readonly AuditEntry[] }>;
}
