/** Bodies of the routes about users, roles and tokens. */

import type { Permission, TokenState, UserState } from '../ledger/index.js';
import { FieldReader, ID_BOUNDS, invalidField } from '../rest-edge/field-reader.js';
import { OBJECTS } from './access-policy.js';
import { DEFAULT_SCOPES, SCOPES } from './access-token.js';
import { requirePassword } from './password.js';

/** Shortest and longest name of a user, in characters, as Dragonfly's clients expect. */
export const USER_NAME_LENGTH = { min: 3, max: 10 } as const;
/** Longest name of a role, in characters. */
export const ROLE_LENGTH_MAX = 64;
/** Permissions that a role may be made with. */
export const PERMISSIONS_MAX = 100;

const TEXT_LENGTH_MAX = 400;
const EMAIL_LENGTH_MAX = 254;
const TOKEN_NAME_LENGTH_MAX = 100;
const EMAIL = /^[^\s@]+@[^\s@]+$/;
const ROLE = /^[A-Za-z0-9._-]+$/;
const NAME = /^[A-Za-z0-9@$!%*?&._-]+$/;
const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/** A parsed body, and the names of fields that mean nothing. */
export type Parsed<T> = T & { readonly strippedFields: readonly string[] };

/** `POST /users/signin`. */
export function parseSignIn(raw: unknown): { readonly name: string; readonly password: string } {
  const body = new FieldReader(raw, 'body');
  // A name that could not exist is refused like a wrong password, not told apart.
  const name = body.text('name', { lengthMax: TEXT_LENGTH_MAX });
  const password = body.text('password', { lengthMax: TEXT_LENGTH_MAX });
  if (name === undefined) throw invalidField('name', 'is required');
  if (password === undefined) throw invalidField('password', 'is required');
  return { name, password };
}

/** What a user says of himself. */
export interface UserProfile {
  readonly email?: string;
  readonly avatar?: string;
  readonly phone?: string;
  readonly location?: string;
  readonly bio?: string;
}

/** `POST /users/signup`. */
export function parseSignUp(
  raw: unknown,
): Parsed<
  UserProfile & { readonly name: string; readonly email: string; readonly password: string }
> {
  const body = new FieldReader(raw, 'body');
  const { min, max } = USER_NAME_LENGTH;
  const name = body.text('name', { lengthMax: TEXT_LENGTH_MAX }) ?? '';
  if (name.length < min || name.length > max || !NAME.test(name)) {
    throw invalidField('name', `must have ${min} to ${max} letters, digits or @$!%*?&._-`);
  }
  const password = requirePassword(
    body.text('password', { lengthMax: TEXT_LENGTH_MAX }),
    'password',
  );
  const profile = readProfile(body);
  if (profile.email === undefined) throw invalidField('email', 'is required');
  return { ...profile, name, password, email: profile.email, strippedFields: body.unknownFields() };
}

/** `PATCH /users/:id`. */
export function parseUpdateUser(
  raw: unknown,
): Parsed<UserProfile & { readonly state?: UserState }> {
  const body = new FieldReader(raw, 'body');
  const state = readChoice(body, 'state', ['enable', 'disable'] as const);
  return {
    ...readProfile(body),
    ...(state === undefined ? {} : { state }),
    strippedFields: body.unknownFields(),
  };
}

/** `POST /users/:id/reset_password`. */
export function parseResetPassword(raw: unknown): {
  readonly oldPassword: string;
  readonly newPassword: string;
} {
  const body = new FieldReader(raw, 'body');
  const oldPassword = body.text('old_password', { lengthMax: TEXT_LENGTH_MAX });
  if (oldPassword === undefined) throw invalidField('old_password', 'is required');
  const newPassword = body.text('new_password', { lengthMax: TEXT_LENGTH_MAX });
  return { oldPassword, newPassword: requirePassword(newPassword, 'new_password') };
}

/** `POST /roles`. */
export function parseCreateRole(
  raw: unknown,
): Parsed<{ readonly role: string; readonly permissions: readonly Permission[] }> {
  const body = new FieldReader(raw, 'body');
  const role = body.text('role', { lengthMax: ROLE_LENGTH_MAX }) ?? '';
  if (!ROLE.test(role)) throw invalidField('role', 'must be letters, digits or ._-');
  const list = body.raw('permissions');
  if (!Array.isArray(list)) throw invalidField('permissions', 'must be a list');
  if (list.length > PERMISSIONS_MAX) {
    throw invalidField('permissions', `may have at most ${PERMISSIONS_MAX} entries`);
  }
  const permissions = list.map((entry, index) => {
    const name = `permissions[${index}]`;
    return readPermission(new FieldReader(entry, name, `${name}.`));
  });
  return { role, permissions, strippedFields: body.unknownFields() };
}

/** `POST` and `DELETE /roles/:role/permissions`. */
export function parsePermission(raw: unknown): Permission {
  return readPermission(new FieldReader(raw, 'body'));
}

/** What may be changed of a token. */
export interface TokenChanges {
  readonly bio?: string;
  readonly scopes?: readonly string[];
  readonly state?: TokenState;
  readonly expiresAtMs?: number;
  readonly userId?: number;
}

/** `POST /personal-access-tokens`; without a user it is the caller's. */
export function parseCreateToken(raw: unknown): Parsed<{
  readonly name: string;
  readonly bio: string;
  readonly scopes: readonly string[];
  readonly expiresAtMs: number;
  readonly userId: number | undefined;
}> {
  const body = new FieldReader(raw, 'body');
  const name = body.text('name', { lengthMax: TOKEN_NAME_LENGTH_MAX }) ?? '';
  if (name.trim() === '') throw invalidField('name', 'is required');
  const { bio = '', scopes = [], expiresAtMs, userId } = readToken(body);
  if (expiresAtMs === undefined) throw invalidField('expired_at', 'is required');
  return {
    name,
    bio,
    scopes: scopes.length === 0 ? DEFAULT_SCOPES : scopes,
    expiresAtMs,
    userId: userId === 0 ? undefined : userId,
    strippedFields: body.unknownFields(),
  };
}

/** `PATCH /personal-access-tokens/:id`. */
export function parseUpdateToken(raw: unknown): Parsed<TokenChanges> {
  const body = new FieldReader(raw, 'body');
  const state = readChoice(body, 'state', ['active', 'inactive'] as const);
  return {
    ...readToken(body),
    ...(state === undefined ? {} : { state }),
    strippedFields: body.unknownFields(),
  };
}

function readProfile(body: FieldReader): UserProfile {
  const email = body.text('email', { lengthMax: EMAIL_LENGTH_MAX });
  if (email !== undefined && !EMAIL.test(email)) {
    throw invalidField('email', 'must be an e-mail address');
  }
  const others = (['avatar', 'phone', 'location', 'bio'] as const).flatMap((field) => {
    const value = body.text(field, { lengthMax: TEXT_LENGTH_MAX });
    return value === undefined ? [] : [[field, value] as const];
  });
  return { ...(email === undefined ? {} : { email }), ...Object.fromEntries(others) };
}

function readPermission(body: FieldReader): Permission {
  const object = readChoice(body, 'object', OBJECTS);
  const action = readChoice(body, 'action', ['read', '*'] as const);
  if (object === undefined) throw invalidField(body.path('object'), 'is required');
  if (action === undefined) throw invalidField(body.path('action'), 'is required');
  return { object, action };
}

function readToken(body: FieldReader): Omit<TokenChanges, 'state'> {
  const bio = body.text('bio', { lengthMax: TEXT_LENGTH_MAX });
  const scopes = readScopes(body);
  const expiresAtMs = readTime(body, 'expired_at');
  const userId = body.wholeNumber('user_id', ID_BOUNDS);
  return {
    ...(bio === undefined ? {} : { bio }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    ...(userId === undefined ? {} : { userId }),
  };
}

function readScopes(body: FieldReader): readonly string[] | undefined {
  const list = body.raw('scopes');
  if (list === undefined) return undefined;
  const isGood =
    Array.isArray(list) && list.every((scope) => SCOPES.some((known) => known === scope));
  if (!isGood) throw invalidField('scopes', `must be a list of ${SCOPES.join(', ')}`);
  return [...new Set(list as string[])];
}

function readTime(body: FieldReader, field: string): number | undefined {
  const text = body.text(field, { lengthMax: TEXT_LENGTH_MAX });
  if (text === undefined) return undefined;
  const timeMs = RFC3339.test(text) ? Date.parse(text) : Number.NaN;
  if (!(timeMs >= 0)) throw invalidField(field, 'must be a time like 2030-01-31T00:00:00Z');
  return timeMs;
}

function readChoice<T extends string>(
  body: FieldReader,
  field: string,
  allowed: readonly T[],
): T | undefined {
  const value = body.raw(field);
  if (value === undefined) return undefined;
  const found = allowed.find((choice) => choice === value);
  if (found === undefined) {
    throw invalidField(body.path(field), `must be one of ${allowed.join(', ')}`);
  }
  return found;
}
