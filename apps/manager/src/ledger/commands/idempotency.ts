import { ConflictError } from '@pondhawk/core';
import type { Kysely, Selectable } from 'kysely';
import type { AcceptJob } from '../command-catalog.js';
import type { CommandParts } from '../command-context.js';
import { type SetColumns, inSets, valueSet, writeRows } from '../row-set.js';
import type { IdempotencyKeysTable, LedgerTables } from '../tables.js';

/** How long a key stands for its request. */
export const IDEMPOTENCY_KEY_AGE_MS_MAX = 24 * 3_600_000;

/** Who asks, when, and under which key. */
export type KeyedRequest = Pick<AcceptJob, 'atMs' | 'idempotency' | 'userId'>;

/** What stands under keys, however old, by who sent them and key. */
export type KeptKeys = ReadonlyMap<string, Selectable<IdempotencyKeysTable>>;

type InTransaction = Pick<CommandParts, 'db' | 'dialect'>;
type Readable = Pick<CommandParts, 'dialect'> & { readonly db: Kysely<LedgerTables> };

const COLUMNS: SetColumns<Selectable<IdempotencyKeysTable>> = {
  user_id: 'bigint',
  key: 'text',
  request_hash: 'text',
  job_id: 'bigint',
  created_at_ms: 'bigint',
};

/** Whose key it is; undefined for a request without one. */
export function keyOwner({ userId, idempotency }: KeyedRequest): string | undefined {
  return idempotency === undefined ? undefined : `${userId} ${idempotency.key}`;
}

/** What stands under the keys of requests. */
export async function loadKeptKeys(
  { db, dialect }: Readable,
  requests: readonly KeyedRequest[],
): Promise<KeptKeys> {
  const byUser = new Map<number, string[]>();
  for (const { userId, idempotency } of requests) {
    if (idempotency === undefined) continue;
    byUser.set(userId, [...(byUser.get(userId) ?? []), idempotency.key]);
  }
  const kept = new Map<string, Selectable<IdempotencyKeysTable>>();
  for (const [userId, keys] of byUser) {
    for (const set of inSets(keys)) {
      const rows = await db
        .selectFrom('idempotency_keys')
        .selectAll()
        .where('user_id', '=', userId)
        .where('key', 'in', valueSet<string>(dialect, set))
        .execute();
      for (const row of rows) kept.set(`${userId} ${row.key}`, row);
    }
  }
  return kept;
}

/**
 * The job that was accepted under the key of this request, if it has come before.
 *
 * @throws ConflictError (`IDEMPOTENCY_KEY_REUSED`) if the key stands for another request.
 */
export function findRepeated(kept: KeptKeys, request: KeyedRequest): number | undefined {
  const row = kept.get(keyOwner(request) ?? '');
  if (row === undefined || row.created_at_ms <= request.atMs - IDEMPOTENCY_KEY_AGE_MS_MAX) {
    return undefined;
  }
  if (row.request_hash === request.idempotency?.requestHash) return row.job_id;
  throw new ConflictError(
    'IDEMPOTENCY_KEY_REUSED',
    `Idempotency-Key stands for another request, that of job ${row.job_id}, until it is 24 h old.`,
    { details: { field: 'Idempotency-Key', jobId: row.job_id } },
  );
}

/** Keeps the keys of requests for their jobs, none of them twice; those that have run out give way. */
export async function keepKeys(
  transaction: InTransaction,
  accepted: readonly (KeyedRequest & { readonly jobId: number })[],
): Promise<void> {
  const rows = accepted.flatMap(({ idempotency, userId, jobId, atMs }) =>
    idempotency === undefined
      ? []
      : {
          ...{ user_id: userId, key: idempotency.key, request_hash: idempotency.requestHash },
          ...{ job_id: jobId, created_at_ms: atMs },
        },
  );
  const conflict = {
    keys: ['user_id', 'key'],
    update: ['request_hash', 'job_id', 'created_at_ms'],
  } as const;
  await writeRows(transaction, { table: 'idempotency_keys', columns: COLUMNS, conflict }, rows);
}
