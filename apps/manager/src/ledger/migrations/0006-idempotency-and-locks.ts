import type { LedgerMigration } from './ledger-migration.js';

/** Keys by which a repeated request is known, and locks that several jobs may hold. */
export const idempotencyAndLocks: LedgerMigration = {
  id: 6,
  name: 'idempotency-and-locks',
  breaking: false,
  async apply({ db }) {
    await db.schema
      .createTable('idempotency_keys')
      .addColumn('user_id', 'bigint', (column) => column.notNull())
      .addColumn('key', 'text', (column) => column.notNull())
      .addColumn('request_hash', 'text', (column) => column.notNull())
      .addColumn('job_id', 'bigint', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('idempotency_keys_key', ['user_id', 'key'])
      .execute();
    await db.schema
      .createIndex('idempotency_keys_by_time')
      .on('idempotency_keys')
      .column('created_at_ms')
      .execute();
    // Nothing was ever kept in the former table: one row a path.
    await db.schema.dropTable('locks').execute();
    await db.schema
      .createTable('locks')
      .addColumn('path', 'text', (column) => column.notNull())
      .addColumn('job_id', 'bigint', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('locks_key', ['path', 'job_id'])
      .execute();
    await db.schema.createIndex('locks_by_job').on('locks').column('job_id').execute();
    // For what is removed by age.
    await db.schema
      .createIndex('jobs_by_end')
      .on('jobs')
      .columns(['phase', 'ended_at_ms'])
      .execute();
    await db.schema.createIndex('peers_by_loss').on('peers').column('lost_at_ms').execute();
  },
};
