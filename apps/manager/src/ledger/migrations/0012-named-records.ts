import type { LedgerMigration } from './ledger-migration.js';

/** Configs, applications and providers of sign-in; the config of clean-up is the first row. */
export const namedRecords: LedgerMigration = {
  id: 12,
  name: 'named-records',
  breaking: false,
  async apply({ db, dialect, nowMs }) {
    await db.schema
      .createTable('named_records')
      .addColumn('id', dialect === 'sqlite' ? 'integer' : 'bigserial', (column) =>
        dialect === 'sqlite' ? column.primaryKey().autoIncrement() : column.primaryKey(),
      )
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('facts', 'text', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
      .addUniqueConstraint('named_records_key', ['kind', 'name'])
      .execute();
    // Without a value the manager's own settings hold.
    const facts = JSON.stringify({ value: '', bio: '', userId: 0 });
    await db
      .insertInto('named_records')
      .values({ kind: 'config', name: 'gc', facts, created_at_ms: nowMs, updated_at_ms: nowMs })
      .execute();
  },
};
