import type { LedgerMigration } from './ledger-migration.js';

/** Jobs that go on with what another one left open. */
export const retries: LedgerMigration = {
  id: 32,
  name: 'retries',
  breaking: false,
  async apply({ db }) {
    await db.schema.alterTable('jobs').addColumn('retry_of', 'bigint').execute();
    await db.schema
      .createIndex('jobs_by_retry')
      .on('jobs')
      .columns(['retry_of', 'phase'])
      .execute();
    await db.schema
      .alterTable('job_clusters')
      .addColumn('settled_count', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema
      .alterTable('orders')
      .addColumn('only_named', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
