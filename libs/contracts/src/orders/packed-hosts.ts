/** The hosts of an order as one text: a broker's message holds 1 MiB, ten thousand records do not fit. */

import { deflateSync, inflateSync } from 'node:zlib';
import { InvalidArgumentError } from '@pondhawk/core';
import { HostRecord } from './host-record.js';
import { quickParse } from './quick-parse.js';

/** Longest packed text that is read; ten thousand usual hosts take two thirds of it. */
export const PACKED_HOSTS_LENGTH_MAX = 1024 * 1024;
/** Most bytes that a packed text may unfold to. */
const UNPACKED_BYTES_MAX = 64 * 1024 * 1024;

/** JSON, deflated, base64. `records` are JSON texts of host records, as the ledger keeps them. */
export function packHosts(records: readonly string[]): string {
  return records.length === 0 ? '' : deflateSync(`[${records.join(',')}]`).toString('base64');
}

/** @throws InvalidArgumentError (`PAYLOAD_INVALID`) for a text that `packHosts` did not write. */
export function unpackHosts(packed: string): HostRecord[] {
  if (packed === '') return [];
  let plain: unknown;
  try {
    const bytes = inflateSync(Buffer.from(packed, 'base64'), {
      maxOutputLength: UNPACKED_BYTES_MAX,
    });
    plain = JSON.parse(bytes.toString());
  } catch (error) {
    throw invalid('cannot be unpacked', error);
  }
  if (!Array.isArray(plain)) throw invalid('is no list');
  return (plain as unknown[]).map((one) => {
    const host = quickParse(HostRecord, one);
    if (host === undefined) throw invalid('holds something that is no host');
    return host;
  });
}

function invalid(what: string, cause?: unknown): InvalidArgumentError {
  return new InvalidArgumentError('PAYLOAD_INVALID', `hosts ${what}.`, {
    ...(cause === undefined ? {} : { cause }),
    details: { field: 'hosts' },
  });
}
