/** Rows of users, tokens and audits to records. */

import type { ChainedAudit } from '@pondhawk/core';
import type { TokenRecord, TokenState, UserRecord, UserState } from './identity-records.js';
import type { AuditRow, TokenRow, UserRow } from './identity-tables.js';

/** A user with the roles that were read beside it. */
export function toUserRecord(row: UserRow, roles: readonly string[]): UserRecord {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    passwordHash: row.password_hash,
    passwordVersion: row.password_version,
    state: row.state as UserState,
    avatar: row.avatar,
    phone: row.phone,
    location: row.location,
    bio: row.bio,
    roles,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  };
}

/** A token with its user's name. */
export function toTokenRecord(row: TokenRow & { readonly user_name: string | null }): TokenRecord {
  return {
    id: row.id,
    name: row.name,
    lookup: row.lookup,
    secretHash: row.secret_hash,
    bio: row.bio,
    scopes: JSON.parse(row.scopes) as string[],
    state: row.state as TokenState,
    expiresAtMs: row.expires_at_ms,
    userId: row.user_id,
    userName: row.user_name ?? '',
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  };
}

/** An entry of the audit log. */
export function toAudit(row: AuditRow): ChainedAudit {
  return {
    id: row.id,
    operatedAtMs: row.operated_at_ms,
    actorType: row.actor_type,
    actorName: row.actor_name,
    remoteIp: row.remote_ip,
    operation: row.operation,
    path: row.path,
    object: row.object,
    selector: row.selector,
    state: row.state,
    statusCode: row.status_code,
    result: row.result,
    hash: row.hash,
  };
}
