import type { LedgerMigration } from './ledger-migration.js';

/** Which user signs in as whom at a provider: by issuer and subject, which a provider never gives twice. */
export const userLinks: LedgerMigration = {
  id: 24,
  name: 'user-links',
  breaking: false,
  async apply({ db }) {
    await db.schema
      .createTable('user_links')
      .addColumn('issuer', 'text', (column) => column.notNull())
      .addColumn('subject', 'text', (column) => column.notNull())
      .addColumn('user_id', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('user_links_key', ['issuer', 'subject'])
      .execute();
  },
};
