import type { Kysely } from 'kysely';
import type { LedgerDialect, LedgerTables } from '../tables.js';

/** What a schema step works with. */
export interface MigrationContext {
  /** A transaction. */
  readonly db: Kysely<LedgerTables>;
  readonly dialect: LedgerDialect;
  readonly nowMs: number;
  /** The broker epoch for a ledger that has none. */
  readonly brokerEpoch: string;
}

/** One step of the schema; never edited after it is merged. */
export interface LedgerMigration {
  /** Ascending; gaps are left for steps that are made at the same time, each of which must stand alone. */
  readonly id: number;
  readonly name: string;
  /** Whether a program that does not know this step must not touch the database. */
  readonly breaking: boolean;
  apply(context: MigrationContext): Promise<void>;
}
