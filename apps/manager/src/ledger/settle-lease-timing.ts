import type { LeaseTiming } from '@pondhawk/purge';
import type { Kysely } from 'kysely';
import { type LeaseBook, longestTiming } from './lease-book.js';
import type { LedgerTables } from './tables.js';

const ONLY_ROW = 1;

/**
 * At a start: leases of former starts may be longer than is set now. They are counted with until they
 * have run out, and longer ones that are set now are kept before any view hands them out.
 */
export async function settleLeaseTiming(
  db: Kysely<LedgerTables>,
  leases: LeaseBook,
): Promise<void> {
  const row = await db.selectFrom('lease_timing').selectAll().executeTakeFirst();
  const kept = row && {
    schedulerLeaseMs: row.scheduler_lease_ms,
    hostLeaseMs: row.host_lease_ms,
    marginMs: row.margin_ms,
  };
  const counted = kept === undefined ? leases.configured : longestTiming(kept, leases.configured);
  await keepLeaseTiming(db, counted);
  leases.countWith(counted);
}

/** Keeps what leases that are out may last. */
export async function keepLeaseTiming(
  db: Kysely<LedgerTables>,
  timing: LeaseTiming,
): Promise<void> {
  const columns = {
    scheduler_lease_ms: timing.schedulerLeaseMs,
    host_lease_ms: timing.hostLeaseMs,
    margin_ms: timing.marginMs,
  };
  await db
    .insertInto('lease_timing')
    .values({ id: ONLY_ROW, ...columns })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
    .execute();
}
