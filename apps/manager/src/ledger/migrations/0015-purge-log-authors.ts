import type { LedgerMigration } from './ledger-migration.js';

/** Who purged what, kept as long as the purge log: jobs are gone before. */
export const purgeLogAuthors: LedgerMigration = {
  id: 15,
  name: 'purge-log-authors',
  breaking: false,
  async apply({ db }) {
    await db.schema
      .alterTable('purge_log')
      .addColumn('user_id', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema
      .createIndex('purge_log_by_task')
      .on('purge_log')
      .columns(['scheduler_cluster_id', 'task_id'])
      .execute();
  },
};
