import { isIPv4 } from 'node:net';
import { ConfigError } from '@pondhawk/core';
import type { ManagerConfig } from './manager.config.js';

/** Whether only this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/**
 * Rules that concern more than one key.
 *
 * @throws ConfigError (`REST_OPEN_WITHOUT_IDENTITY`) if anybody could order deletes over the network,
 *   (`DATABASE_URL_MISSING`) for PostgreSQL without its address.
 */
export function checkConfig({ rest, database }: ManagerConfig): void {
  if (!isLoopback(rest.host) && !rest.allowUnauthenticated) {
    throw new ConfigError(
      'REST_OPEN_WITHOUT_IDENTITY',
      `rest.host is ${rest.host}, which others can reach, and nobody has to sign in yet. Use 127.0.0.1, or set rest.allowUnauthenticated to true behind something that authenticates.`,
      { details: { key: 'rest.host' } },
    );
  }
  if (database.type === 'postgres' && database.url.reveal() === '') {
    throw new ConfigError(
      'DATABASE_URL_MISSING',
      'database.type is postgres: set database.url to postgres://user:password@host/database.',
      { details: { key: 'database.url' } },
    );
  }
}
