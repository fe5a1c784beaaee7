import type { LedgerMigration } from './ledger-migration.js';

/** What tells one broker from another that came in its place. */
export const brokerStreams: LedgerMigration = {
  id: 4,
  name: 'broker-streams',
  breaking: true,
  // SQLite adds one column a statement.
  async apply({ db }) {
    for (const name of ['jobs_created', 'reports_created', 'former_epoch']) {
      await db.schema
        .alterTable('broker')
        .addColumn(name, 'text', (column) => column.notNull().defaultTo(''))
        .execute();
    }
  },
};
