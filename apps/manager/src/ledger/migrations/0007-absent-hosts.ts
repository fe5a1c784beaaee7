import { packList } from '../absent-list.js';
import type { LedgerMigration, MigrationContext } from './ledger-migration.js';

/** Rows that are moved at a time: one part of a list. */
const MOVED_ROWS_MAX = 500;

/** Hosts that had nothing of a task, packed by hundreds instead of a row each. */
export const absentHosts: LedgerMigration = {
  id: 7,
  name: 'absent-hosts',
  breaking: true,
  async apply(context) {
    const { schema } = context.db;
    await schema
      .createTable('absent_hosts')
      .addColumn('order_id', 'bigint', (column) => column.notNull())
      .addColumn('part', 'bigint', (column) => column.notNull())
      .addColumn('job_id', 'bigint', (column) => column.notNull())
      .addColumn('scheduler_cluster_id', 'bigint', (column) => column.notNull())
      .addColumn('host_count', 'bigint', (column) => column.notNull())
      .addColumn('nodes', 'text', (column) => column.notNull())
      .addColumn('hosts', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('absent_hosts_key', ['order_id', 'part'])
      .execute();
    await schema.createIndex('absent_hosts_by_job').on('absent_hosts').column('job_id').execute();
    // It was never written.
    await schema.alterTable('orders').dropColumn('absent_hosts').execute();
    await moveRows(context);
  },
};

async function moveRows({ db }: MigrationContext): Promise<void> {
  const orders = await db
    .selectFrom('targets')
    .select(['order_id', 'job_id', 'scheduler_cluster_id'])
    .distinct()
    .where('outcome', '=', 'absent')
    .execute();
  for (const order of orders) {
    for (let part = 1; await movePart(db, order, part); part += 1);
  }
}

/** Moves the rows of one part. @returns false when none was left. */
async function movePart(
  db: MigrationContext['db'],
  order: {
    readonly order_id: number;
    readonly job_id: number;
    readonly scheduler_cluster_id: number;
  },
  part: number,
): Promise<boolean> {
  const rows = await db
    .selectFrom('targets')
    .select(['node', 'host', 'attempts', 'started_at_ms', 'ended_at_ms'])
    .where('job_id', '=', order.job_id)
    .where('order_id', '=', order.order_id)
    .where('scheduler_cluster_id', '=', order.scheduler_cluster_id)
    .where('outcome', '=', 'absent')
    .where('code', '=', '')
    .where('message', '=', '')
    .where('held_count', '=', 0)
    .orderBy('node')
    .limit(MOVED_ROWS_MAX)
    .execute();
  if (rows.length === 0) return false;
  const hosts = rows.map((row) => ({ ...row, host: JSON.parse(row.host) as unknown }));
  await db
    .insertInto('absent_hosts')
    .values({
      ...order,
      part,
      host_count: rows.length,
      nodes: packList(rows.map(({ node }) => node)),
      hosts: packList(hosts),
    })
    .execute();
  for (const { node } of rows) {
    await db
      .deleteFrom('targets')
      .where('job_id', '=', order.job_id)
      .where('node', '=', node)
      .execute();
  }
  return true;
}
