/** Numbers of a purge log are compared only within one log id. */

import { InvalidArgumentError } from './errors.js';

/** A cluster's purge log: scheduler cluster id and random epoch (32 lower-case hex digits). */
export interface LogId {
  readonly clusterId: number;
  readonly epoch: string;
}

/** A point in a purge log. Before the log is built: zero epoch and number 0. */
export interface LogPosition {
  readonly logEpoch: string;
  readonly seq: number;
}

/** The epoch of clusters that have no purge log yet: 16 zero bytes. */
export const ZERO_EPOCH = '0'.repeat(32);

/** A purge as it travels in the gRPC metadata key `pondhawk-purge`. */
export interface PurgeNumber extends LogId {
  readonly seq: number;
}

/** `<cluster>.<epoch, 32 hex>.<number>`. */
export function formatPurgeNumber(purge: PurgeNumber): string {
  return `${purge.clusterId}.${purge.epoch}.${purge.seq}`;
}

/** @throws InvalidArgumentError (`INVALID_PURGE_NUMBER`) unless `raw` is `<cluster>.<32 hex>.<number>`. */
export function parsePurgeNumber(raw: string): PurgeNumber {
  const match = /^(\d{1,15})\.([0-9a-f]{32})\.(\d{1,15})$/.exec(raw);
  if (match === null) {
    throw new InvalidArgumentError(
      'INVALID_PURGE_NUMBER',
      'pondhawk-purge must be <cluster>.<epoch, 32 hex digits>.<number>.',
      { details: { field: 'pondhawk-purge' } },
    );
  }
  return { clusterId: Number(match[1]), epoch: match[2] ?? '', seq: Number(match[3]) };
}
