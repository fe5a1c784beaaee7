/** The first user. */

import { ConfigError, ConflictError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { ManagerConfig } from '../config/manager.config.js';
import { ROOT_ROLE, type IdentityReader, type LedgerWriter } from '../ledger/index.js';
import { PASSWORD_LENGTH, makePassword, type PasswordHasher } from './password.js';

/** The first user's name. */
export const ROOT_NAME = 'root';

/** What making the first user takes. */
export interface RootUserOptions {
  readonly reader: IdentityReader;
  readonly writer: LedgerWriter;
  readonly hasher: PasswordHasher;
  readonly config: ManagerConfig;
  readonly log: Log;
  readonly nowMs: number;
  /** Shows a password to whoever started the manager. */
  readonly print: (text: string) => void;
}

/**
 * Makes `root` in a ledger without users, with the configured password or with one that is printed
 * and kept nowhere. It is printed before it holds: a crash between the two prints another one at
 * the next start, instead of leaving one that nobody has seen.
 *
 * @throws ConfigError (`ROOT_PASSWORD_UNUSABLE`).
 */
export async function ensureRootUser(options: RootUserOptions): Promise<void> {
  const { reader, writer, hasher, config, log, nowMs, print } = options;
  const configured = config.auth.rootPassword.reveal();
  const { min, max } = PASSWORD_LENGTH;
  if (configured !== '' && (configured.length < min || configured.length > max)) {
    throw new ConfigError(
      'ROOT_PASSWORD_UNUSABLE',
      `auth.rootPassword must have ${min} to ${max} characters.`,
      { details: { key: 'auth.rootPassword' } },
    );
  }
  if (await reader.hasUsers()) return;
  const password = configured === '' ? makePassword() : configured;
  const passwordHash = await hasher.hash(password);
  if (configured === '') {
    print(
      `\nFirst start: sign in as ${ROOT_NAME} with the password ${password}\nIt is shown this once. Change it with POST /api/v1/users/1/reset_password.\n\n`,
    );
  }
  try {
    await writer.execute('create-user', {
      atMs: nowMs,
      name: ROOT_NAME,
      email: 'root@localhost',
      passwordHash,
      ...{ avatar: '', phone: '', location: '', bio: '' },
      roles: [ROOT_ROLE],
      onlyAsFirst: true,
    });
  } catch (error) {
    // Another manager on the same database was first; what it was given holds.
    if (!(error instanceof ConflictError)) throw error;
    log.warn('another manager made the first user', { name: ROOT_NAME });
  }
}
