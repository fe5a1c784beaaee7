import type { LedgerMigration } from './ledger-migration.js';

/** Jobs can be cancelled. */
export const jobControl: LedgerMigration = {
  id: 30,
  name: 'job-control',
  breaking: false,
  async apply({ db }) {
    await db.schema.alterTable('jobs').addColumn('cancelled_at_ms', 'bigint').execute();
  },
};
