import type { LedgerMigration } from './ledger-migration.js';

/** Clean-up as a job: how much it has removed. */
export const gcJobs: LedgerMigration = {
  id: 22,
  name: 'gc-jobs',
  breaking: false,
  async apply({ db }) {
    await db.schema
      .alterTable('jobs')
      .addColumn('purged_count', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
