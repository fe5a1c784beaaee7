/** Users, tokens and audits as Dragonfly's clients read them. */

import type { ChainedAudit } from '@pondhawk/core';
import { timeView, type Json } from '../job-views/index.js';
import type { TokenRecord, UserRecord } from '../ledger/index.js';

/** A user, without anything of his password. */
export function userView(user: UserRecord): Json {
  return {
    ...rowView(user),
    email: user.email,
    name: user.name,
    avatar: user.avatar,
    phone: user.phone,
    state: user.state,
    location: user.location,
    bio: user.bio,
  };
}

/** A token; `token` is empty except in the answer to its making. */
export function tokenView(token: TokenRecord, secret = ''): Json {
  return {
    ...rowView(token),
    name: token.name,
    bio: token.bio,
    token: secret,
    scopes: token.scopes,
    state: token.state,
    expired_at: timeView(token.expiresAtMs),
    user_id: token.userId,
    user: { id: token.userId, name: token.userName },
  };
}

/** An entry of the audit log; `operated_at_ms` and `hash` are for checking the chain. */
export function auditView(audit: ChainedAudit): Json {
  const at = timeView(audit.operatedAtMs);
  return {
    ...{ id: audit.id, created_at: at, updated_at: at, is_del: 0 },
    actor_type: audit.actorType,
    actor_name: audit.actorName,
    event_type: 'API',
    operation: audit.operation,
    operated_at: at,
    state: audit.state,
    path: audit.path,
    status_code: audit.statusCode,
    detail: audit.result,
    remote_ip: audit.remoteIp,
    object: audit.object,
    selector: audit.selector,
    operated_at_ms: audit.operatedAtMs,
    hash: audit.hash,
  };
}

interface Row {
  readonly id: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

function rowView({ id, createdAtMs, updatedAtMs }: Row): Json {
  return {
    ...{ id, created_at: timeView(createdAtMs), updated_at: timeView(updatedAtMs), is_del: 0 },
  };
}
