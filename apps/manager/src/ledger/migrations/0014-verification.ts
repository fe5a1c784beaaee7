import type { LedgerMigration } from './ledger-migration.js';

/** What hosts did when they were asked from outside for what they were to delete. */
export const verification: LedgerMigration = {
  id: 14,
  name: 'verification',
  breaking: false,
  async apply({ db }) {
    await db.schema.alterTable('targets').addColumn('verification', 'text').execute();
    await db.schema.alterTable('orders').addColumn('verification', 'text').execute();
  },
};
