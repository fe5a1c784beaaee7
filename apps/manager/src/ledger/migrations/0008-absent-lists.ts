import { unpackHosts } from '@pondhawk/contracts';
import { packList } from '../absent-list.js';
import type { LedgerMigration, MigrationContext } from './ledger-migration.js';

/** Rows that are moved at a time: one part of a list. */
const MOVED_ROWS_MAX = 500;

/** What there was of an absent host beside its record; and every one of them in a list. */
export const absentLists: LedgerMigration = {
  id: 8,
  name: 'absent-lists',
  // A program of before cannot unpack the lists.
  breaking: true,
  async apply(context) {
    await packAnew(context);
    await context.db.schema.alterTable('absent_hosts').dropColumn('at_ms').execute();
    await moveRows(context);
  },
};

/** Lists of before hold records alone. */
async function packAnew({ db }: MigrationContext): Promise<void> {
  const keys = await db.selectFrom('absent_hosts').select(['order_id', 'part']).execute();
  for (const { order_id, part } of keys) {
    const row = await db
      .selectFrom('absent_hosts')
      .selectAll()
      .where('order_id', '=', order_id)
      .where('part', '=', part)
      .executeTakeFirstOrThrow();
    const { at_ms } = row as unknown as { readonly at_ms: number };
    const nodes = row.nodes.split('\n');
    const hosts = unpackHosts(row.hosts).map((host, index) => ({
      ...{ node: nodes[index], host, attempts: 1 },
      ...{ started_at_ms: at_ms, ended_at_ms: at_ms },
    }));
    await db
      .updateTable('absent_hosts')
      .set({ nodes: packList(nodes), hosts: packList(hosts) })
      .where('order_id', '=', order_id)
      .where('part', '=', part)
      .execute();
  }
}

async function moveRows({ db }: MigrationContext): Promise<void> {
  const orders = await db
    .selectFrom('targets')
    .select(['order_id', 'job_id', 'scheduler_cluster_id'])
    .distinct()
    .where('outcome', '=', 'absent')
    .execute();
  for (const order of orders) {
    const { part } = await db
      .selectFrom('absent_hosts')
      .select(({ fn }) => fn.max<number | null>('part').as('part'))
      .where('order_id', '=', order.order_id)
      .executeTakeFirstOrThrow();
    for (let next = (part ?? 0) + 1; await movePart(db, order, next); next += 1);
  }
}

/** @returns whether there was anything to move. */
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
