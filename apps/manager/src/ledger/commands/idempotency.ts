import { ConflictError } from '@pondhawk/core';
import type { AcceptJob } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';

/** How long a key stands for its request. */
export const IDEMPOTENCY_KEY_AGE_MS_MAX = 24 * 3_600_000;

/** Who asks, and under which key. */
type KeyedRequest = Pick<AcceptJob, 'idempotency' | 'userId'>;

/**
 * The job that was accepted under the key of this request, if it has come before.
 *
 * @throws ConflictError (`IDEMPOTENCY_KEY_REUSED`) if the key stands for another request.
 */
export async function findRepeated(
  { db, atMs }: CommandContext,
  { idempotency, userId }: KeyedRequest,
): Promise<number | undefined> {
  if (idempotency === undefined) return undefined;
  const row = await db
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('user_id', '=', userId)
    .where('key', '=', idempotency.key)
    .where('created_at_ms', '>', atMs - IDEMPOTENCY_KEY_AGE_MS_MAX)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  if (row.request_hash === idempotency.requestHash) return row.job_id;
  throw new ConflictError(
    'IDEMPOTENCY_KEY_REUSED',
    `Idempotency-Key stands for another request, that of job ${row.job_id}, until it is 24 h old.`,
    { details: { field: 'Idempotency-Key', jobId: row.job_id } },
  );
}

/** Keeps the key for the job; one that has run out gives way. */
export async function keepKey(
  { db, atMs }: CommandContext,
  { idempotency, userId }: KeyedRequest,
  jobId: number,
): Promise<void> {
  if (idempotency === undefined) return;
  const { key, requestHash } = idempotency;
  const facts = { request_hash: requestHash, job_id: jobId, created_at_ms: atMs };
  await db
    .insertInto('idempotency_keys')
    .values({ user_id: userId, key, ...facts })
    .onConflict((conflict) => conflict.columns(['user_id', 'key']).doUpdateSet(facts))
    .execute();
}
