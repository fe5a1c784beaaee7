import { ConflictError, NotFoundError } from '@pondhawk/core';
import type { Kysely } from 'kysely';
import { ROOT_ROLE, type UserLink } from '../identity-records.js';
import type { LedgerTables } from '../tables.js';
import type { HandlerOf } from './command-handler.js';

/** @see IdentityCommands */
export const createUser: HandlerOf<'create-user'> = async ({ db }, input) => {
  const { atMs, roles, onlyAsFirst = false, passwordHash, link, ...facts } = input;
  const linked = link === undefined ? undefined : await findLinked(db, link);
  if (linked !== undefined) return { id: linked };
  const others = db.selectFrom('users').select(['id', 'name']);
  const taken = await (
    onlyAsFirst
      ? others
      : others.where((eb) => eb.or([eb('name', '=', facts.name), eb('email', '=', facts.email)]))
  ).executeTakeFirst();
  if (taken !== undefined) {
    throw userExists(taken.name === facts.name ? 'name' : 'email');
  }
  const { id } = await db
    .insertInto('users')
    .values({
      ...facts,
      password_hash: passwordHash,
      password_version: 1,
      state: 'enable',
      created_at_ms: atMs,
      updated_at_ms: atMs,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  for (const role of roles)
    await db.insertInto('user_roles').values({ user_id: id, role }).execute();
  if (link !== undefined) {
    await db
      .insertInto('user_links')
      .values({ ...link, user_id: id })
      .execute();
  }
  return { id };
};

/** @see IdentityCommands */
export const updateUser: HandlerOf<'update-user'> = async ({ db }, input) => {
  const { atMs, userId, ...changes } = input;
  await requireUser(db, userId);
  if (changes.email !== undefined) {
    const taken = await db
      .selectFrom('users')
      .select('id')
      .where('email', '=', changes.email)
      .where('id', '!=', userId)
      .executeTakeFirst();
    if (taken !== undefined) throw userExists('email');
  }
  if (changes.state === 'disable') await requireAnotherRoot(db, userId);
  await db
    .updateTable('users')
    .set({ ...changes, updated_at_ms: atMs })
    .where('id', '=', userId)
    .execute();
  return undefined;
};

/** @see IdentityCommands */
export const setPassword: HandlerOf<'set-password'> = async ({ db }, input) => {
  await requireUser(db, input.userId);
  await db
    .updateTable('users')
    .set((eb) => ({
      password_hash: input.passwordHash,
      password_version: eb('password_version', '+', 1),
      updated_at_ms: input.atMs,
    }))
    .where('id', '=', input.userId)
    .execute();
  return undefined;
};

/** @see IdentityCommands */
export const endSession: HandlerOf<'end-session'> = async ({ db }, input) => {
  await db.deleteFrom('ended_sessions').where('expires_at_ms', '<', input.atMs).execute();
  await db
    .insertInto('ended_sessions')
    .values({ id: input.sessionId, expires_at_ms: input.expiresAtMs })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  return undefined;
};

async function findLinked(
  db: Kysely<LedgerTables>,
  { issuer, subject }: UserLink,
): Promise<number | undefined> {
  const link = await db
    .selectFrom('user_links')
    .select('user_id')
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .executeTakeFirst();
  return link?.user_id;
}

/** @throws NotFoundError (`USER_NOT_FOUND`). */
export async function requireUser(db: Kysely<LedgerTables>, userId: number): Promise<void> {
  const user = await db
    .selectFrom('users')
    .select('id')
    .where('id', '=', userId)
    .executeTakeFirst();
  if (user !== undefined) return;
  throw new NotFoundError('USER_NOT_FOUND', `There is no user ${userId}.`, {
    details: { field: 'user_id', id: userId },
  });
}

/** Somebody must be left who can give rights. @throws ConflictError (`LAST_ROOT`). */
export async function requireAnotherRoot(db: Kysely<LedgerTables>, userId: number): Promise<void> {
  const roots = await db
    .selectFrom('user_roles')
    .innerJoin('users', 'users.id', 'user_roles.user_id')
    .select('users.id')
    .where('role', '=', ROOT_ROLE)
    .where('state', '=', 'enable')
    .execute();
  if (!roots.some(({ id }) => id === userId) || roots.length > 1) return;
  throw new ConflictError('LAST_ROOT', `User ${userId} is the last one with the role root.`, {
    details: { id: userId },
  });
}

function userExists(field: 'name' | 'email'): ConflictError {
  return new ConflictError('USER_EXISTS', `There is a user of this ${field} already.`, {
    details: { field },
  });
}
