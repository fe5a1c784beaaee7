/** The first user. */

import type { OnModuleInit } from '@nestjs/common';
import { ConfigError, ConflictError, type Clock } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { ManagerConfig } from '../config/manager.config.js';
import { ROOT_ROLE, type IdentityReader, type LedgerWriter } from '../ledger/index.js';
import { PASSWORD_LENGTH, PasswordHasher, makePassword } from './password.js';

/** The first user's name. */
export const ROOT_NAME = 'root';

/** What making the first user takes. */
export interface RootUserOptions {
  readonly reader: IdentityReader;
  readonly writer: LedgerWriter;
  readonly config: ManagerConfig;
  readonly log: Log;
  readonly clock: Clock;
}

/**
 * Makes `root` in a ledger without users, with the configured password or with one that is printed
 * and kept nowhere. It is printed before it holds: a crash between the two prints another one at
 * the next start, instead of leaving one that nobody has seen.
 */
export class RootUser implements OnModuleInit {
  constructor(private readonly options: RootUserOptions) {}

  /** @throws ConfigError (`ROOT_PASSWORD_UNUSABLE`). */
  async onModuleInit(): Promise<void> {
    const { reader, config } = this.options;
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
    await this.create(configured === '' ? printPassword() : configured);
  }

  private async create(password: string): Promise<void> {
    const { writer, log, clock } = this.options;
    try {
      await writer.execute('create-user', {
        atMs: clock.nowMs(),
        name: ROOT_NAME,
        email: 'root@localhost',
        passwordHash: await new PasswordHasher().hash(password),
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
}

/** Shows it to whoever started the manager, and not in the log, which is kept and sent elsewhere. */
function printPassword(): string {
  const password = makePassword();
  process.stderr.write(
    `\nFirst start: sign in as ${ROOT_NAME} with the password ${password}\nIt is shown this once. Change it with POST /api/v1/users/1/reset_password.\n\n`,
  );
  return password;
}
