/** What daemons say of themselves, checked before it reaches the ledger. */

import { isIP } from 'node:net';
import { InvalidArgumentError } from '@pondhawk/core';

/** Longest host name of a daemon, in characters. */
export const HOST_NAME_LENGTH_MAX = 253;
/** Longest idc or location, in characters. */
export const PLACE_LENGTH_MAX = 1_024;
/** Most features a scheduler may name. */
export const FEATURES_MAX = 32;

/** What a host name looks like. */
export const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** Where a daemon runs and in which cluster. */
export interface InstanceName {
  readonly hostName: string;
  readonly ip: string;
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) for a host name or address that is none. */
export function parseInstanceName(raw: {
  readonly hostname: string;
  readonly ip: string;
}): InstanceName {
  if (raw.hostname.length > HOST_NAME_LENGTH_MAX || !HOST_NAME.test(raw.hostname)) {
    throw invalid('hostname', `must be a host name of at most ${HOST_NAME_LENGTH_MAX} characters`);
  }
  if (isIP(raw.ip) === 0) throw invalid('ip', 'must be an IP address');
  return { hostName: raw.hostname, ip: raw.ip };
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) unless it is a port. */
export function parsePort(port: number, field: string): number {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw invalid(field, 'must be a port from 1 to 65535');
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) for a text that is too long. */
export function parsePlace(raw: string | undefined, field: string): string {
  const place = raw ?? '';
  if (place.length > PLACE_LENGTH_MAX) {
    throw invalid(field, `may have at most ${PLACE_LENGTH_MAX} characters`);
  }
  return place;
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) for too many or too long names. */
export function parseFeatures(raw: readonly string[]): readonly string[] {
  if (raw.length > FEATURES_MAX || raw.some((name) => name.length > PLACE_LENGTH_MAX)) {
    throw invalid('features', `may have at most ${FEATURES_MAX} short names`);
  }
  return raw;
}

/**
 * How often a scheduler says it will send keepalives, out of its config (JSON, nanoseconds); what is
 * missing or makes no sense gives the manager's own interval.
 */
export function keepAliveIntervalOf(config: Buffer, fallbackMs: number): number {
  if (config.length === 0) return fallbackMs;
  try {
    const parsed: unknown = JSON.parse(config.toString());
    const raw =
      typeof parsed === 'object' && parsed !== null
        ? (parsed as Record<string, unknown>)['manager_keep_alive_interval']
        : undefined;
    const intervalMs = typeof raw === 'number' ? Math.round(raw / 1e6) : Number.NaN;
    return intervalMs >= INTERVAL_MS_MIN && intervalMs <= INTERVAL_MS_MAX ? intervalMs : fallbackMs;
  } catch {
    // Foreign daemons may send anything here; it only tunes how soon they count as gone.
    return fallbackMs;
  }
}

const INTERVAL_MS_MIN = 100;
const INTERVAL_MS_MAX = 3_600_000;

function invalid(field: string, rule: string): InvalidArgumentError {
  return new InvalidArgumentError('INVALID_FIELD', `${field} ${rule}.`, { details: { field } });
}
