import { ConflictError, NotFoundError } from '@pondhawk/core';
import type { HandlerOf } from './command-handler.js';
import { requireUser } from './users.js';

/** @see IdentityCommands */
export const createToken: HandlerOf<'create-token'> = async ({ db }, input) => {
  await requireUser(db, input.userId);
  const taken = await db
    .selectFrom('personal_access_tokens')
    .select('id')
    .where('name', '=', input.name)
    .executeTakeFirst();
  if (taken !== undefined) {
    throw new ConflictError('TOKEN_EXISTS', `There is a token named ${input.name} already.`, {
      details: { field: 'name' },
    });
  }
  return db
    .insertInto('personal_access_tokens')
    .values({
      name: input.name,
      lookup: input.lookup,
      secret_hash: input.secretHash,
      bio: input.bio,
      scopes: JSON.stringify(input.scopes),
      state: 'active',
      expires_at_ms: input.expiresAtMs,
      user_id: input.userId,
      created_at_ms: input.atMs,
      updated_at_ms: input.atMs,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
};

/** @see IdentityCommands */
export const updateToken: HandlerOf<'update-token'> = async ({ db }, input) => {
  const { atMs, tokenId, bio, scopes, state, expiresAtMs, userId } = input;
  if (userId !== undefined) await requireUser(db, userId);
  const updated = await db
    .updateTable('personal_access_tokens')
    .set({
      updated_at_ms: atMs,
      ...(bio === undefined ? {} : { bio }),
      ...(scopes === undefined ? {} : { scopes: JSON.stringify(scopes) }),
      ...(state === undefined ? {} : { state }),
      ...(expiresAtMs === undefined ? {} : { expires_at_ms: expiresAtMs }),
      ...(userId === undefined ? {} : { user_id: userId }),
    })
    .where('id', '=', tokenId)
    .returning('id')
    .executeTakeFirst();
  if (updated === undefined) throw tokenNotFound(tokenId);
  return undefined;
};

/** @see IdentityCommands */
export const deleteToken: HandlerOf<'delete-token'> = async ({ db }, { tokenId }) => {
  const deleted = await db
    .deleteFrom('personal_access_tokens')
    .where('id', '=', tokenId)
    .returning('id')
    .executeTakeFirst();
  if (deleted === undefined) throw tokenNotFound(tokenId);
  return undefined;
};

function tokenNotFound(tokenId: number): NotFoundError {
  return new NotFoundError('TOKEN_NOT_FOUND', `There is no personal access token ${tokenId}.`, {
    details: { id: tokenId },
  });
}
