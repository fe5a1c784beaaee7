import type { LedgerMigration, MigrationContext } from './ledger-migration.js';

/** The purge log itself, and what enrolment and orders keep of hosts. */
export const purgeLog: LedgerMigration = {
  id: 3,
  name: 'purge-log',
  breaking: true,
  async apply(context) {
    await createLog(context);
    await addColumns(context);
  },
};

async function createLog({ db }: MigrationContext): Promise<void> {
  await db.schema
    .createTable('purge_log')
    .addColumn('scheduler_cluster_id', 'bigint', (column) => column.notNull())
    .addColumn('seq', 'bigint', (column) => column.notNull())
    .addColumn('job_id', 'bigint', (column) => column.notNull())
    .addColumn('task_id', 'text', (column) => column.notNull())
    .addColumn('chain_hash', 'text', (column) => column.notNull())
    .addColumn('at_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('purge_log_key', ['scheduler_cluster_id', 'seq'])
    .execute();
  await db.schema
    .createIndex('job_clusters_by_purge')
    .on('job_clusters')
    .columns(['scheduler_cluster_id', 'purge_seq'])
    .execute();
}

// SQLite adds one column a statement.
async function addColumns({ db }: MigrationContext): Promise<void> {
  const heads = () => db.schema.alterTable('purge_log_heads');
  await heads()
    .addColumn('first_seq', 'bigint', (column) => column.notNull().defaultTo(1))
    .execute();
  await heads()
    .addColumn('head_hash', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
  await heads().addColumn('alarm', 'text').execute();
  await db.schema.alterTable('schedulers').addColumn('incarnation', 'text').execute();
  await db.schema.alterTable('peers').addColumn('scheduler_id', 'bigint').execute();
  await db.schema
    .alterTable('peers')
    .addColumn('has_left', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .alterTable('orders')
    .addColumn('hosts', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
}
