import type { LedgerMigration } from './ledger-migration.js';

/** Seed peer clusters get rows of their own; the ones that scheduler clusters name already are the first. */
export const seedPeerClusters: LedgerMigration = {
  id: 10,
  name: 'seed-peer-clusters',
  breaking: false,
  async apply({ db, dialect }) {
    await db.schema
      .createTable('seed_peer_clusters')
      .addColumn('id', dialect === 'sqlite' ? 'integer' : 'bigserial', (column) =>
        dialect === 'sqlite' ? column.primaryKey().autoIncrement() : column.primaryKey(),
      )
      .addColumn('name', 'text', (column) => column.notNull().unique())
      .addColumn('bio', 'text', (column) => column.notNull())
      .addColumn('config', 'text', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
      .execute();
    // No cluster could be made before this step, so there is the first one at most, and its number is 1.
    await db
      .insertInto('seed_peer_clusters')
      .columns(['name', 'bio', 'config', 'created_at_ms', 'updated_at_ms'])
      .expression((from) =>
        from
          .selectFrom('scheduler_clusters')
          .select(['name', 'bio', 'seed_client_config', 'created_at_ms', 'updated_at_ms'])
          .where('seed_peer_cluster_id', '=', 1),
      )
      .execute();
  },
};
