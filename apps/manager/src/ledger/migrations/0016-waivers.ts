import type { LedgerMigration } from './ledger-migration.js';

/** Which clusters' hosts may serve without a lease, and which daemons may have been told so. */
export const waivers: LedgerMigration = {
  id: 16,
  name: 'waivers',
  // A manager that does not know marks would fence who serves on.
  breaking: true,
  async apply({ db }) {
    for (const name of ['waiver_number', 'waiver_given', 'waiver_doubted']) {
      await db.schema
        .alterTable('purge_log_heads')
        .addColumn(name, 'bigint', (column) => column.notNull().defaultTo(0))
        .execute();
    }
    await db.schema
      .createTable('waiver_marks')
      .addColumn('scheduler_cluster_id', 'bigint', (column) => column.notNull())
      .addColumn('host_id', 'text', (column) => column.notNull())
      .addColumn('incarnation', 'text', (column) => column.notNull())
      .addColumn('folder_lock', 'text', (column) => column.notNull())
      .addColumn('number', 'bigint', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('waiver_marks_pk', [
        'scheduler_cluster_id',
        'host_id',
        'incarnation',
      ])
      .execute();
  },
};
