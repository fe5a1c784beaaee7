import type { LedgerMigration } from './ledger-migration.js';

/** What an order is taken over with, and the newest time the ledger has seen. */
export const orderLeases: LedgerMigration = {
  id: 5,
  name: 'order-leases',
  breaking: true,
  // SQLite adds one column a statement.
  async apply({ db, nowMs }) {
    await db.schema
      .alterTable('orders')
      .addColumn('schedulers', 'text', (column) => column.notNull().defaultTo('[]'))
      .execute();
    await db.schema.alterTable('orders').addColumn('home_scheduler_id', 'bigint').execute();
    await db.schema
      .createIndex('orders_by_lease')
      .on('orders')
      .columns(['state', 'lease_until_ms'])
      .execute();
    await db.schema
      .alterTable('ledger_head')
      .addColumn('newest_at_ms', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
    // Orders of before carry no lease: as if they had been sent just now.
    await db
      .updateTable('orders')
      .set((eb) => ({ lease_until_ms: nowMs, home_scheduler_id: eb.ref('scheduler_id') }))
      .where('state', 'in', ['queued', 'running'])
      .execute();
  },
};
