/** Users, roles, tokens and audits as readers get them. */

import type { AuditFacts } from '@pondhawk/core';

/** Whether a user may sign in. */
export type UserState = 'enable' | 'disable';

/** A user; the hash is shown to nobody. */
export interface UserRecord {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly passwordHash: string;
  readonly passwordVersion: number;
  readonly state: UserState;
  readonly avatar: string;
  readonly phone: string;
  readonly location: string;
  readonly bio: string;
  /** Sorted. */
  readonly roles: readonly string[];
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** One thing a role may: `read`, or `*` for everything, on an object. */
export interface Permission {
  readonly object: string;
  readonly action: string;
}

/** An own role and what it may; the built-in ones have an empty list here. */
export interface RoleRecord {
  readonly name: string;
  readonly permissions: readonly Permission[];
}

/** Whether a token is accepted. */
export type TokenState = 'active' | 'inactive';

/** A personal access token without its secret. */
export interface TokenRecord {
  readonly id: number;
  readonly name: string;
  readonly lookup: string;
  readonly secretHash: string;
  readonly bio: string;
  readonly scopes: readonly string[];
  readonly state: TokenState;
  readonly expiresAtMs: number;
  readonly userId: number;
  readonly userName: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** What an entry of the audit log says before it has its place in it. */
export type AuditEntry = Omit<AuditFacts, 'id' | 'operatedAtMs'>;

/** Names of the roles that are always there. */
export const BUILT_IN_ROLES = ['root', 'guest'] as const;
/** The role that may everything. */
export const ROOT_ROLE = 'root';
/** The role of who signed up. */
export const GUEST_ROLE = 'guest';

/** Somebody at a provider of sign-in: the provider's issuer, and what it calls him by for ever. */
export interface UserLink {
  readonly issuer: string;
  readonly subject: string;
}
