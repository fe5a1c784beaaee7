import { type CreateTableBuilder, sql } from 'kysely';
import type { LedgerMigration, MigrationContext } from './ledger-migration.js';

/** Clusters, instances, hosts, jobs and everything that hangs on them. */
export const firstTables: LedgerMigration = {
  id: 1,
  name: 'first-tables',
  breaking: true,
  async apply(context) {
    await createSingleRows(context);
    await createInstances(context);
    await createPeers(context);
    await createJobs(context);
    await createTargets(context);
    await createOrders(context);
    await createOutbox(context);
    await createEventsAndLocks(context);
    await createIndices(context);
  },
};

/** A table with an `id` that the database gives, increasing and never given twice. */
function tableWithId(
  { db, dialect }: MigrationContext,
  name: string,
): CreateTableBuilder<string, 'id'> {
  const table = db.schema.createTable(name);
  return dialect === 'sqlite'
    ? table.addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    : table.addColumn('id', 'bigserial', (column) => column.primaryKey());
}

async function createSingleRows({ db }: MigrationContext): Promise<void> {
  await db.schema
    .createTable('ledger_head')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('number', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('broker')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('epoch', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('purge_log_heads')
    .addColumn('scheduler_cluster_id', 'bigint', (column) => column.primaryKey())
    .addColumn('epoch', 'text', (column) => column.notNull())
    .addColumn('head', 'bigint', (column) => column.notNull())
    .execute();
}

async function createInstances(context: MigrationContext): Promise<void> {
  await tableWithId(context, 'scheduler_clusters')
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('bio', 'text', (column) => column.notNull())
    .addColumn('config', 'text', (column) => column.notNull())
    .addColumn('client_config', 'text', (column) => column.notNull())
    .addColumn('seed_client_config', 'text', (column) => column.notNull())
    .addColumn('scopes', 'text', (column) => column.notNull())
    .addColumn('is_default', 'bigint', (column) => column.notNull())
    .addColumn('seed_peer_cluster_id', 'bigint', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
    .execute();
  await tableWithId(context, 'schedulers')
    .addColumn('scheduler_cluster_id', 'bigint', (column) => column.notNull())
    .addColumn('host_name', 'text', (column) => column.notNull())
    .addColumn('ip', 'text', (column) => column.notNull())
    .addColumn('port', 'bigint', (column) => column.notNull())
    .addColumn('idc', 'text', (column) => column.notNull())
    .addColumn('location', 'text', (column) => column.notNull())
    .addColumn('features', 'text', (column) => column.notNull())
    .addColumn('keep_alive_interval_ms', 'bigint', (column) => column.notNull())
    .addColumn('last_keep_alive_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
    .addUniqueConstraint('schedulers_key', ['scheduler_cluster_id', 'host_name', 'ip'])
    .execute();
  await tableWithId(context, 'seed_peers')
    .addColumn('seed_peer_cluster_id', 'bigint', (column) => column.notNull())
    .addColumn('host_name', 'text', (column) => column.notNull())
    .addColumn('ip', 'text', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('port', 'bigint', (column) => column.notNull())
    .addColumn('download_port', 'bigint', (column) => column.notNull())
    .addColumn('idc', 'text', (column) => column.notNull())
    .addColumn('location', 'text', (column) => column.notNull())
    .addColumn('keep_alive_interval_ms', 'bigint', (column) => column.notNull())
    .addColumn('last_keep_alive_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
    .addUniqueConstraint('seed_peers_key', ['seed_peer_cluster_id', 'host_name', 'ip'])
    .execute();
}

async function createPeers(context: MigrationContext): Promise<void> {
  await tableWithId(context, 'peers')
    .addColumn('scheduler_cluster_id', 'bigint', (column) => column.notNull())
    .addColumn('host_id', 'text', (column) => column.notNull())
    .addColumn('host_name', 'text', (column) => column.notNull())
    .addColumn('ip', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('host', 'text', (column) => column.notNull())
    .addColumn('incarnation', 'text')
    .addColumn('connection_id', 'text')
    .addColumn('lost_at_ms', 'bigint')
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
    .addUniqueConstraint('peers_key', ['scheduler_cluster_id', 'host_id'])
    .execute();
}

async function createJobs(context: MigrationContext): Promise<void> {
  await tableWithId(context, 'jobs')
    .addColumn('uuid', 'text', (column) => column.notNull().unique())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('phase', 'text', (column) => column.notNull())
    .addColumn('outcome', 'text')
    .addColumn('bio', 'text', (column) => column.notNull())
    .addColumn('user_id', 'bigint', (column) => column.notNull())
    .addColumn('args', 'text', (column) => column.notNull())
    .addColumn('order_args', 'text', (column) => column.notNull())
    .addColumn('timeout_ms', 'bigint', (column) => column.notNull())
    .addColumn('parallelism', 'bigint', (column) => column.notNull())
    .addColumn('failure_strategy', 'text', (column) => column.notNull())
    .addColumn('deadline_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('ended_at_ms', 'bigint')
    .execute();
  await context.db.schema
    .createTable('job_clusters')
    .addColumn('job_id', 'bigint', (column) => column.notNull())
    .addColumn('scheduler_cluster_id', 'bigint', (column) => column.notNull())
    .addColumn('cluster_name', 'text', (column) => column.notNull())
    .addColumn('purge_seq', 'bigint')
    .addPrimaryKeyConstraint('job_clusters_key', ['job_id', 'scheduler_cluster_id'])
    .execute();
}

async function createTargets({ db }: MigrationContext): Promise<void> {
  await db.schema
    .createTable('targets')
    .addColumn('job_id', 'bigint', (column) => column.notNull())
    .addColumn('node', 'text', (column) => column.notNull())
    .addColumn('scheduler_cluster_id', 'bigint', (column) => column.notNull())
    .addColumn('order_id', 'bigint', (column) => column.notNull())
    .addColumn('host_id', 'text', (column) => column.notNull())
    .addColumn('host_name', 'text', (column) => column.notNull())
    .addColumn('ip', 'text', (column) => column.notNull())
    .addColumn('host', 'text', (column) => column.notNull())
    .addColumn('outcome', 'text', (column) => column.notNull())
    .addColumn('try_number', 'bigint', (column) => column.notNull())
    .addColumn('attempts', 'bigint', (column) => column.notNull())
    .addColumn('code', 'text', (column) => column.notNull())
    .addColumn('message', 'text', (column) => column.notNull())
    .addColumn('deleted_bytes', 'bigint', (column) => column.notNull())
    .addColumn('started_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('ended_at_ms', 'bigint')
    .addColumn('held', 'text')
    .addColumn('held_count', 'bigint', (column) => column.notNull())
    .addColumn('later', 'text')
    .addPrimaryKeyConstraint('targets_key', ['job_id', 'node'])
    .execute();
}

async function createOrders(context: MigrationContext): Promise<void> {
  await tableWithId(context, 'orders')
    .addColumn('job_id', 'bigint', (column) => column.notNull())
    .addColumn('scheduler_cluster_id', 'bigint', (column) => column.notNull())
    .addColumn('scheduler_id', 'bigint')
    .addColumn('attempt', 'bigint', (column) => column.notNull())
    .addColumn('lease_until_ms', 'bigint')
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('parallelism', 'bigint', (column) => column.notNull())
    .addColumn('error_code', 'text', (column) => column.notNull())
    .addColumn('error_message', 'text', (column) => column.notNull())
    .addColumn('absent_hosts', 'text')
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
    .execute();
}

async function createOutbox(context: MigrationContext): Promise<void> {
  await tableWithId(context, 'outbox')
    .addColumn('job_id', 'bigint', (column) => column.notNull())
    .addColumn('order_id', 'bigint', (column) => column.notNull())
    .addColumn('scheduler_cluster_id', 'bigint', (column) => column.notNull())
    .addColumn('scheduler_id', 'bigint', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('payload', 'text', (column) => column.notNull())
    .addColumn('send_count', 'bigint', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('sent_at_ms', 'bigint')
    .execute();
}

async function createEventsAndLocks({ db }: MigrationContext): Promise<void> {
  await db.schema
    .createTable('events')
    .addColumn('ledger_number', 'bigint', (column) => column.notNull())
    .addColumn('ordinal', 'bigint', (column) => column.notNull())
    .addColumn('job_id', 'bigint', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('data', 'text', (column) => column.notNull())
    .addColumn('at_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('events_key', ['ledger_number', 'ordinal'])
    .execute();
  await db.schema
    .createTable('locks')
    .addColumn('path', 'text', (column) => column.primaryKey())
    .addColumn('job_id', 'bigint', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .execute();
}

async function createIndices({ db }: MigrationContext): Promise<void> {
  const indices: [name: string, table: string, columns: string[]][] = [
    ['jobs_by_time', 'jobs', ['created_at_ms desc', 'id desc']],
    ['jobs_by_type', 'jobs', ['type', 'created_at_ms desc', 'id desc']],
    ['jobs_by_state', 'jobs', ['state', 'created_at_ms desc', 'id desc']],
    ['jobs_by_user', 'jobs', ['user_id', 'created_at_ms desc', 'id desc']],
    ['jobs_by_phase', 'jobs', ['phase', 'deadline_at_ms']],
    [
      'targets_by_outcome',
      'targets',
      ['job_id', 'outcome', 'scheduler_cluster_id', 'host_name', 'ip', 'host_id'],
    ],
    ['orders_by_job', 'orders', ['job_id']],
    ['orders_by_state', 'orders', ['state', 'scheduler_cluster_id']],
    ['outbox_by_job', 'outbox', ['job_id']],
    ['events_by_job', 'events', ['job_id', 'ledger_number', 'ordinal']],
    ['locks_by_job', 'locks', ['job_id']],
  ];
  for (const [name, table, columns] of indices) {
    await db.schema.createIndex(name).on(table).columns(columns).execute();
  }
  await db.schema
    .createIndex('outbox_unsent')
    .on('outbox')
    .column('id')
    .where(sql.ref('sent_at_ms'), 'is', null)
    .execute();
}
