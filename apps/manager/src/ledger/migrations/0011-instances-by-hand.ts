import type { LedgerMigration } from './ledger-migration.js';

/** Schedulers keep what an operator chose for them, and their number when he removes them. */
export const instancesByHand: LedgerMigration = {
  id: 11,
  name: 'instances-by-hand',
  breaking: false,
  async apply({ db }) {
    await db.schema.alterTable('schedulers').addColumn('chosen_features', 'text').execute();
    await db.schema.alterTable('schedulers').addColumn('removed_at_ms', 'bigint').execute();
  },
};
