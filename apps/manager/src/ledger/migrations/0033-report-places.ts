import type { LedgerMigration } from './ledger-migration.js';

/** Which report of an order's attempt was recorded last. */
export const reportPlaces: LedgerMigration = {
  id: 33,
  name: 'report-places',
  breaking: false,
  async apply({ db }) {
    for (const name of ['report_run_at_ms', 'report_number']) {
      await db.schema
        .alterTable('orders')
        .addColumn(name, 'bigint', (column) => column.notNull().defaultTo(0))
        .execute();
    }
  },
};
