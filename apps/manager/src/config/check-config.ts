import { ConfigError } from '@pondhawk/core';
import type { ManagerConfig } from './manager.config.js';

/**
 * Rules that concern more than one key.
 *
 * @throws ConfigError (`DATABASE_URL_MISSING`) for PostgreSQL without its address.
 */
export function checkConfig({ database }: ManagerConfig): void {
  if (database.type === 'postgres' && database.url.reveal() === '') {
    throw new ConfigError(
      'DATABASE_URL_MISSING',
      'database.type is postgres: set database.url to postgres://user:password@host/database.',
      { details: { key: 'database.url' } },
    );
  }
}
