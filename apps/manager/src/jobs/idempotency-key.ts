import { createHash } from 'node:crypto';
import type { IdempotencyKey } from '../ledger/index.js';
import { invalidField } from '../rest-edge/field-reader.js';
import type { CreateJobRequest } from './create-job-request.js';

/** Longest key, in characters. */
export const IDEMPOTENCY_KEY_LENGTH_MAX = 255;

/** One word of visible ASCII; a header that was sent twice arrives joined by a comma and a blank. */
const KEY = /^[\x21-\x7e]+$/;

/**
 * The header `Idempotency-Key`; undefined if there is none.
 *
 * @throws InvalidArgumentError (`INVALID_FIELD`).
 */
export function parseIdempotencyKey(
  raw: string | undefined,
  request: CreateJobRequest,
  userId: number,
): IdempotencyKey | undefined {
  if (raw === undefined) return undefined;
  if (raw.length > IDEMPOTENCY_KEY_LENGTH_MAX || !KEY.test(raw)) {
    throw invalidField(
      'Idempotency-Key',
      `must be 1 to ${IDEMPOTENCY_KEY_LENGTH_MAX} visible ASCII characters without blanks`,
    );
  }
  // Keys of different users have nothing to do with each other.
  return { key: `${userId} ${raw}`, requestHash: hashOf(request) };
}

/** Of what the request asks for: fields that mean nothing, and the order of fields, do not count. */
function hashOf({ type, bio, clusterIds, args, orderArgs, spec }: CreateJobRequest): string {
  const meaning = JSON.stringify([type, bio, clusterIds ?? [], args, orderArgs, spec]);
  return createHash('sha256').update(meaning).digest('hex');
}
