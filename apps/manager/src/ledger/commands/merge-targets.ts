import { TargetOutcome, type TargetResult, mergeTargetResult } from '@pondhawk/jobs';
import type { CommandContext } from '../command-context.js';
import type { TargetReport } from '../order-report.js';
import { type SetColumns, inSets, valueSet, writeRows } from '../row-set.js';
import type { OrderRow, TargetRow } from '../tables.js';
import { listAbsent, loadAbsentNodes, unlistAbsent } from './absent-hosts.js';

type TargetSetRow = Omit<TargetRow, 'later'>;

const TARGET_COLUMNS: SetColumns<TargetSetRow> = {
  job_id: 'bigint',
  node: 'text',
  scheduler_cluster_id: 'bigint',
  order_id: 'bigint',
  host_id: 'text',
  host_name: 'text',
  ip: 'text',
  host: 'text',
  outcome: 'text',
  try_number: 'bigint',
  attempts: 'bigint',
  code: 'text',
  message: 'text',
  deleted_bytes: 'bigint',
  started_at_ms: 'bigint',
  ended_at_ms: 'bigint',
  held: 'text',
  held_count: 'bigint',
};

/** A host in a list: it was absent, and saying so again is no news whatever the try. */
const LISTED: TargetResult = { outcome: TargetOutcome.Absent, try: Infinity };

interface Merged extends TargetResult {
  readonly row: TargetSetRow;
}

/**
 * Merges reported targets into those of the order's job, in sets, so that 10,000 take milliseconds.
 *
 * @returns how many are new or have another result than before.
 */
export async function mergeTargets(
  context: CommandContext,
  order: OrderRow,
  reports: readonly TargetReport[],
): Promise<number> {
  let changedCount = 0;
  for (const set of inSets(reports)) changedCount += await mergeSet(context, order, set);
  return changedCount;
}

async function mergeSet(
  context: CommandContext,
  order: OrderRow,
  reports: readonly TargetReport[],
): Promise<number> {
  const { db, dialect } = context;
  const nodes = reports.map(({ node }) => node);
  const rows = await db
    .selectFrom('targets')
    .selectAll()
    .where('job_id', '=', order.job_id)
    .where('node', 'in', valueSet<string>(dialect, nodes))
    .execute();
  const listed = await loadAbsentNodes(context, order.job_id);
  const standing = new Map<string, TargetResult>(rows.map((row) => [row.node, asMerged(row)]));
  for (const node of nodes) if (listed.has(node)) standing.set(node, LISTED);
  const changed = new Map<string, Merged>();
  for (const report of reports) {
    const reported = asMerged(toRow(order, report));
    const before = standing.get(report.node);
    if (before !== undefined && mergeTargetResult(before, reported) === before) continue;
    standing.set(report.node, reported);
    changed.set(report.node, reported);
  }
  await writeChanged(
    context,
    order,
    [...changed.values()].map(({ row }) => row),
  );
  return changed.size;
}

/** A host that has nothing goes to the order's list; one that turns out to have had something leaves it. */
async function writeChanged(
  context: CommandContext,
  order: OrderRow,
  changed: readonly TargetSetRow[],
): Promise<void> {
  const { db, dialect } = context;
  const absent = changed.filter(({ outcome }) => outcome === TargetOutcome.Absent);
  const others = changed.filter(({ outcome }) => outcome !== TargetOutcome.Absent);
  await unlistAbsent(context, order.job_id, new Set(others.map(({ node }) => node)));
  await writeTargets(context, others);
  if (absent.length === 0) return;
  const nodes = absent.map(({ node }) => node);
  await db
    .deleteFrom('targets')
    .where('job_id', '=', order.job_id)
    .where('node', 'in', valueSet<string>(dialect, nodes))
    .execute();
  await listAbsent(context, order, absent);
}

async function writeTargets(
  { db, dialect }: CommandContext,
  rows: readonly TargetSetRow[],
): Promise<void> {
  const names = Object.keys(TARGET_COLUMNS) as (keyof TargetSetRow)[];
  await writeRows(
    { db, dialect },
    {
      table: 'targets',
      columns: TARGET_COLUMNS,
      conflict: {
        keys: ['job_id', 'node'],
        update: names.filter((name) => name !== 'job_id' && name !== 'node'),
      },
    },
    rows,
  );
}

function asMerged(row: TargetSetRow): Merged {
  return { outcome: row.outcome as TargetOutcome, try: row.try_number, row };
}

function toRow(order: OrderRow, report: TargetReport): TargetSetRow {
  const held = report.task ?? report.tasks;
  return {
    job_id: order.job_id,
    node: report.node,
    scheduler_cluster_id: order.scheduler_cluster_id,
    order_id: order.id,
    host_id: report.host.id,
    host_name: report.host.host_name,
    ip: report.host.ip,
    host: JSON.stringify(report.host),
    outcome: report.outcome,
    try_number: report.try,
    attempts: report.attempts,
    code: report.code ?? '',
    // PostgreSQL stores no NUL, and a report that can never be recorded would come again for ever.
    message: (report.message ?? '').replaceAll('\0', ''),
    deleted_bytes: report.deleted_bytes ?? 0,
    started_at_ms: report.started_at_ms,
    ended_at_ms: report.ended_at_ms ?? null,
    held: held === undefined ? null : JSON.stringify(held),
    held_count: report.task === undefined ? (report.tasks?.length ?? 0) : 1,
  };
}
