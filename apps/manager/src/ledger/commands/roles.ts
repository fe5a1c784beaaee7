import { ConflictError, NotFoundError } from '@pondhawk/core';
import type { Kysely } from 'kysely';
import { BUILT_IN_ROLES, ROOT_ROLE } from '../identity-records.js';
import type { LedgerTables } from '../tables.js';
import type { HandlerOf } from './command-handler.js';
import { requireAnotherRoot, requireUser } from './users.js';

/** @see IdentityCommands */
export const grantRole: HandlerOf<'grant-role'> = async ({ db }, { userId, role }) => {
  await requireUser(db, userId);
  await requireRole(db, role);
  const added = await db
    .insertInto('user_roles')
    .values({ user_id: userId, role })
    .onConflict((conflict) => conflict.columns(['user_id', 'role']).doNothing())
    .returning('role')
    .executeTakeFirst();
  if (added !== undefined) return undefined;
  throw new ConflictError('ROLE_ALREADY_GRANTED', `User ${userId} has the role ${role} already.`, {
    details: { role },
  });
};

/** @see IdentityCommands */
export const revokeRole: HandlerOf<'revoke-role'> = async ({ db }, { userId, role }) => {
  await requireUser(db, userId);
  if (role === ROOT_ROLE) await requireAnotherRoot(db, userId);
  const removed = await db
    .deleteFrom('user_roles')
    .where('user_id', '=', userId)
    .where('role', '=', role)
    .returning('role')
    .executeTakeFirst();
  if (removed !== undefined) return undefined;
  throw new NotFoundError('ROLE_NOT_GRANTED', `User ${userId} does not have the role ${role}.`, {
    details: { role },
  });
};

/** @see IdentityCommands */
export const createRole: HandlerOf<'create-role'> = async ({ db }, input) => {
  const { atMs, role, permissions } = input;
  const added = await db
    .insertInto('roles')
    .values({ name: role, created_at_ms: atMs })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returning('name')
    .executeTakeFirst();
  if (added === undefined) {
    throw new ConflictError('ROLE_EXISTS', `There is a role ${role} already.`, {
      details: { role },
    });
  }
  for (const { object, action } of permissions) {
    await db
      .insertInto('role_permissions')
      .values({ role, object, action })
      .onConflict((conflict) => conflict.columns(['role', 'object', 'action']).doNothing())
      .execute();
  }
  return undefined;
};

/** @see IdentityCommands */
export const deleteRole: HandlerOf<'delete-role'> = async ({ db }, { role }) => {
  await requireOwnRole(db, role);
  await db.deleteFrom('user_roles').where('role', '=', role).execute();
  await db.deleteFrom('role_permissions').where('role', '=', role).execute();
  await db.deleteFrom('roles').where('name', '=', role).execute();
  return undefined;
};

/** @see IdentityCommands */
export const addPermission: HandlerOf<'add-permission'> = async ({ db }, input) => {
  const { role, object, action } = input;
  await requireOwnRole(db, role);
  const added = await db
    .insertInto('role_permissions')
    .values({ role, object, action })
    .onConflict((conflict) => conflict.columns(['role', 'object', 'action']).doNothing())
    .returning('role')
    .executeTakeFirst();
  if (added !== undefined) return undefined;
  throw new ConflictError('PERMISSION_EXISTS', `Role ${role} may ${action} ${object} already.`);
};

/** @see IdentityCommands */
export const removePermission: HandlerOf<'remove-permission'> = async ({ db }, input) => {
  const { role, object, action } = input;
  await requireOwnRole(db, role);
  const removed = await db
    .deleteFrom('role_permissions')
    .where('role', '=', role)
    .where('object', '=', object)
    .where('action', '=', action)
    .returning('role')
    .executeTakeFirst();
  if (removed !== undefined) return undefined;
  throw new NotFoundError('PERMISSION_NOT_FOUND', `Role ${role} has no ${action} on ${object}.`);
};

async function requireOwnRole(db: Kysely<LedgerTables>, role: string): Promise<void> {
  await requireRole(db, role);
  if (!BUILT_IN_ROLES.some((name) => name === role)) return;
  throw new ConflictError('ROLE_BUILT_IN', `The role ${role} is always there and as it is.`, {
    details: { role },
  });
}

async function requireRole(db: Kysely<LedgerTables>, role: string): Promise<void> {
  const row = await db
    .selectFrom('roles')
    .select('name')
    .where('name', '=', role)
    .executeTakeFirst();
  if (row !== undefined) return;
  throw new NotFoundError('ROLE_NOT_FOUND', `There is no role ${role}.`, { details: { role } });
}
