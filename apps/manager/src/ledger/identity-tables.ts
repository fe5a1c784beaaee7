/** Columns of users, roles, tokens and the audit log, as Kysely sees them. */

import type { Generated, Selectable } from 'kysely';

/** Users; `password_version` goes up with each new password, and ends the sessions of before. */
export interface UsersTable {
  readonly id: Generated<number>;
  name: string;
  email: string;
  password_hash: string;
  password_version: number;
  state: string;
  avatar: string;
  phone: string;
  location: string;
  bio: string;
  created_at_ms: number;
  updated_at_ms: number;
}

/** Sessions that were signed out of before their time. */
export interface EndedSessionsTable {
  id: string;
  expires_at_ms: number;
}

/** Roles; what the built-in ones may is not kept here. */
export interface RolesTable {
  name: string;
  created_at_ms: number;
}

/** What an own role may. */
export interface RolePermissionsTable {
  role: string;
  object: string;
  action: string;
}

/** Who has which role. */
export interface UserRolesTable {
  user_id: number;
  role: string;
}

/** Who signs in as whom at a provider. */
export interface UserLinksTable {
  issuer: string;
  subject: string;
  user_id: number;
}

/** Personal access tokens: found by `lookup`, proved by the keyed hash of their secret half. */
export interface PersonalAccessTokensTable {
  readonly id: Generated<number>;
  name: string;
  lookup: string;
  secret_hash: string;
  bio: string;
  scopes: string;
  state: string;
  expires_at_ms: number;
  user_id: number;
  created_at_ms: number;
  updated_at_ms: number;
}

/** The audit log; only ever added to. */
export interface AuditsTable {
  id: number;
  actor_type: string;
  actor_name: string;
  operation: string;
  operated_at_ms: number;
  state: string;
  path: string;
  status_code: number;
  remote_ip: string;
  object: string;
  selector: string;
  result: string;
  hash: string;
}

/** Where the audit log stands, in a single row. */
export interface AuditHeadTable {
  readonly id: number;
  count: number;
  hash: string;
}

/** Where the audit log begins, in a single row. */
export interface AuditStartTable {
  readonly id: number;
  removed_count: number;
  removed_hash: string;
}

/** All of them. */
export interface IdentityTables {
  users: UsersTable;
  ended_sessions: EndedSessionsTable;
  roles: RolesTable;
  role_permissions: RolePermissionsTable;
  user_roles: UserRolesTable;
  user_links: UserLinksTable;
  personal_access_tokens: PersonalAccessTokensTable;
  audits: AuditsTable;
  audit_head: AuditHeadTable;
  audit_start: AuditStartTable;
}

/** A row of users as it is read. */
export type UserRow = Selectable<UsersTable>;
/** A row of tokens as it is read. */
export type TokenRow = Selectable<PersonalAccessTokensTable>;
/** A row of audits as it is read. */
export type AuditRow = Selectable<AuditsTable>;
