import { AUDIT_CHAIN_START } from '@pondhawk/core';
import type { LedgerMigration } from './ledger-migration.js';

/** Where the audit log begins: how many entries were removed by age, and the hash of the last of them. */
export const auditStart: LedgerMigration = {
  id: 13,
  name: 'audit-start',
  breaking: false,
  async apply({ db }) {
    await db.schema
      .createTable('audit_start')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('removed_count', 'bigint', (column) => column.notNull())
      .addColumn('removed_hash', 'text', (column) => column.notNull())
      .execute();
    await db
      .insertInto('audit_start')
      .values({ id: 1, removed_count: 0, removed_hash: AUDIT_CHAIN_START })
      .execute();
  },
};
