import type { LedgerMigration } from './ledger-migration.js';

/** Deletes that only ask; they are carried out as `get_task`. */
export const dryRuns: LedgerMigration = {
  id: 31,
  name: 'dry-runs',
  breaking: false,
  async apply({ db }) {
    await db.schema
      .alterTable('jobs')
      .addColumn('dry_run', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
