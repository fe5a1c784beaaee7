import { createHash } from 'node:crypto';
import type { IdempotencyKey } from '../ledger/index.js';
import { invalidField } from '../rest-edge/field-reader.js';
import type { CreateJobRequest } from './create-job-request.js';

/** Longest key, in characters. */
export const IDEMPOTENCY_KEY_LENGTH_MAX = 255;

/** One word of visible ASCII; a header that was sent twice arrives joined by a comma and a blank. */
const KEY = /^[\x21-\x7e]+$/;

/**
 * The header `Idempotency-Key` as the ledger knows it; undefined if there is none.
 *
 * @throws InvalidArgumentError (`INVALID_FIELD`).
 */
export function parseIdempotencyKey(
  raw: string | undefined,
  request: CreateJobRequest,
  userId: number,
): IdempotencyKey | undefined {
  const header = parseKeyHeader(raw);
  return header === undefined ? undefined : keyOf(`${userId} ${header}`, request);
}

/** The key of a retry. @throws InvalidArgumentError (`INVALID_FIELD`). */
export function parseRetryKey(
  raw: string | undefined,
  { jobId, userId }: { readonly jobId: number; readonly userId: number },
): IdempotencyKey | undefined {
  const header = parseKeyHeader(raw);
  return header === undefined
    ? undefined
    : { key: `${userId} ${header}`, requestHash: `retry of ${jobId}` };
}

/** The key of one line of a batch that has a key. No key holds a blank, so that it is nobody else's. */
export function lineKey(
  header: string | undefined,
  { request, index, userId }: { request: CreateJobRequest; index: number; userId: number },
): IdempotencyKey | undefined {
  return header === undefined ? undefined : keyOf(`${userId} ${header} ${index}`, request);
}

/**
 * The header `Idempotency-Key` as it came; undefined if there is none.
 *
 * @throws InvalidArgumentError (`INVALID_FIELD`).
 */
export function parseKeyHeader(raw: string | undefined): string | undefined {
  if (raw === undefined || (raw.length <= IDEMPOTENCY_KEY_LENGTH_MAX && KEY.test(raw))) return raw;
  throw invalidField(
    'Idempotency-Key',
    `must be 1 to ${IDEMPOTENCY_KEY_LENGTH_MAX} visible ASCII characters without blanks`,
  );
}

/** Keys of different users have nothing to do with each other: `key` names the user too. */
function keyOf(key: string, request: CreateJobRequest): IdempotencyKey {
  return { key, requestHash: hashOf(request) };
}

/** Of what the request asks for: fields that mean nothing, and the order of fields, do not count. */
function hashOf(request: CreateJobRequest): string {
  const { type, bio, clusterIds, args, orderArgs, spec, preheat } = request;
  const secret = preheat === undefined ? [] : [preheat.plan];
  const meaning = JSON.stringify([type, bio, clusterIds ?? [], args, orderArgs, spec, ...secret]);
  return createHash('sha256').update(meaning).digest('hex');
}
