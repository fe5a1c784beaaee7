import type { LedgerMigration } from './ledger-migration.js';

/** What jobs are carried out with that may be secret, sealed by the manager's key. */
export const sealedArgs: LedgerMigration = {
  id: 18,
  name: 'sealed-args',
  breaking: false,
  async apply({ db }) {
    await db.schema.alterTable('jobs').addColumn('sealed', 'text').execute();
  },
};
