import type { LedgerMigration } from './ledger-migration.js';

/** Hosts that had nothing of a task, packed by hundreds instead of a row each. */
export const absentHosts: LedgerMigration = {
  id: 7,
  name: 'absent-hosts',
  breaking: true,
  // Rows of `targets` that say absent stay where they are: readers count both.
  async apply({ db }) {
    await db.schema
      .createTable('absent_hosts')
      .addColumn('order_id', 'bigint', (column) => column.notNull())
      .addColumn('part', 'bigint', (column) => column.notNull())
      .addColumn('job_id', 'bigint', (column) => column.notNull())
      .addColumn('scheduler_cluster_id', 'bigint', (column) => column.notNull())
      .addColumn('host_count', 'bigint', (column) => column.notNull())
      .addColumn('nodes', 'text', (column) => column.notNull())
      .addColumn('hosts', 'text', (column) => column.notNull())
      .addColumn('at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('absent_hosts_key', ['order_id', 'part'])
      .execute();
    await db.schema
      .createIndex('absent_hosts_by_job')
      .on('absent_hosts')
      .column('job_id')
      .execute();
    // It was never written.
    await db.schema.alterTable('orders').dropColumn('absent_hosts').execute();
  },
};
