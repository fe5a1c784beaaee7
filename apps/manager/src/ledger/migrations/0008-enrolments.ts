import type { LedgerMigration, MigrationContext } from './ledger-migration.js';

/** Connections of hosts that serve under leases, and what the leases are counted with. */
export const enrolments: LedgerMigration = {
  id: 8,
  name: 'enrolments',
  breaking: true,
  async apply(context) {
    await createTables(context);
    await addColumns(context);
  },
};

async function createTables({ db }: MigrationContext): Promise<void> {
  await db.schema
    .createTable('enrolments')
    .addColumn('connection_id', 'text', (column) => column.primaryKey())
    .addColumn('scheduler_cluster_id', 'bigint', (column) => column.notNull())
    .addColumn('scheduler_incarnation', 'text', (column) => column.notNull())
    .addColumn('connection', 'bigint', (column) => column.notNull())
    .addColumn('host_id', 'text', (column) => column.notNull())
    .addColumn('incarnation', 'text', (column) => column.notNull())
    .addColumn('folder_lock', 'text', (column) => column.notNull())
    .addColumn('is_lost', 'bigint', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('enrolments_by_cluster')
    .on('enrolments')
    .columns(['scheduler_cluster_id', 'host_id'])
    .execute();
  await db.schema
    .createIndex('enrolments_by_scheduler')
    .on('enrolments')
    .columns(['scheduler_incarnation', 'connection'])
    .execute();
  await db.schema
    .createTable('former_schedulers')
    .addColumn('incarnation', 'text', (column) => column.primaryKey())
    .addColumn('closed_at_ms', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('lease_timing')
    .addColumn('id', 'bigint', (column) => column.primaryKey())
    .addColumn('scheduler_lease_ms', 'bigint', (column) => column.notNull())
    .addColumn('host_lease_ms', 'bigint', (column) => column.notNull())
    .addColumn('margin_ms', 'bigint', (column) => column.notNull())
    .execute();
}

// SQLite adds one column a statement.
async function addColumns({ db }: MigrationContext): Promise<void> {
  await db.schema
    .alterTable('schedulers')
    .addColumn('view_count', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .alterTable('peers')
    .addColumn('takes_leases', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .alterTable('orders')
    .addColumn('has_fenced', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema.alterTable('job_clusters').addColumn('finality', 'text').execute();
}
