import { STILL_SERVES } from '@pondhawk/contracts';
import { TargetOutcome, type TargetResult, mergeTargetResult } from '@pondhawk/jobs';
import type { CommandContext } from '../command-context.js';
import { parseVerification } from '../job-rows.js';
import type { TargetReport } from '../order-report.js';
import { type SetColumns, inSets, valueSet, writeRows } from '../row-set.js';
import type { OrderRow, TargetRow } from '../tables.js';
import { addAbsent, findAbsent, isPlainAbsent, removeAbsent } from './absent-hosts.js';

/** A target's row as it is written. */
export type TargetSetRow = Omit<TargetRow, 'later'>;

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
  verification: 'text',
};

/** A host on a list: only something better than `absent` is news, on whichever try. */
const LISTED_ABSENT: TargetResult = {
  outcome: TargetOutcome.Absent,
  try: Number.MAX_SAFE_INTEGER,
};

/**
 * Merges reported targets into those of the order's job, in sets, so that 10,000 take milliseconds.
 * A host that has nothing goes to the order's list and needs no row any more.
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
    .select(['node', 'outcome', 'try_number', 'code', 'verification'])
    .where('job_id', '=', order.job_id)
    .where('node', 'in', valueSet<string>(dialect, nodes))
    .execute();
  const kept = new Map(rows.map((row) => [row.node, resultOf(row)]));
  const notKept = nodes.filter((node) => !kept.has(node));
  const listed = await findAbsent(context, order.job_id, notKept);
  const changed = merge(
    new Map([...kept, ...[...listed.keys()].map((node) => [node, LISTED_ABSENT] as const)]),
    reports.map((report) => toRow(order, report)),
  );
  const isChanged = ([node]: readonly [string, unknown]): boolean => changed.has(node);
  await removeAbsent(context, new Map([...listed].filter(isChanged)));
  const absent = [...changed.values()].filter(isPlainAbsent);
  const moved = absent.map(({ node }) => node).filter((node) => kept.has(node));
  await deleteTargets(context, order.job_id, moved);
  await addAbsent(context, order, absent);
  const others = [...changed.values()].filter((row) => !isPlainAbsent(row));
  await writeTargets(context, others);
  noteEnds(context, order, changed.values());
  return changed.size;
}

/** Tells the watch who is waited for no more, or is waited for although nobody named him. */
function noteEnds(
  { leases, afterCommit }: CommandContext,
  order: OrderRow,
  changed: Iterable<TargetSetRow>,
): void {
  const ended: string[] = [];
  const pending: string[] = [];
  for (const { node, outcome } of changed) {
    (outcome === TargetOutcome.Pending ? pending : ended).push(node);
  }
  const clusterId = order.scheduler_cluster_id;
  afterCommit.push(() => leases.watch.note(order.job_id, clusterId, { ended, pending }));
}

/** The reported rows that stand over what stood before, by node. */
function merge(
  before: ReadonlyMap<string, TargetResult>,
  reported: readonly TargetSetRow[],
): Map<string, TargetSetRow> {
  const standing = new Map(before);
  const changed = new Map<string, TargetSetRow>();
  for (const row of reported) {
    const result = resultOf(row);
    const former = standing.get(row.node);
    if (former !== undefined && mergeTargetResult(former, result) === former) continue;
    standing.set(row.node, result);
    changed.set(row.node, row);
  }
  return changed;
}

async function deleteTargets(
  { db, dialect }: CommandContext,
  jobId: number,
  nodes: readonly string[],
): Promise<void> {
  if (nodes.length === 0) return;
  await db
    .deleteFrom('targets')
    .where('job_id', '=', jobId)
    .where('node', 'in', valueSet<string>(dialect, nodes))
    .execute();
}

/** Writes rows of targets over those that are there. */
export async function writeTargets(
  { db, dialect }: Pick<CommandContext, 'db' | 'dialect'>,
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

function resultOf(
  row: Pick<TargetSetRow, 'outcome' | 'try_number' | 'code' | 'verification'>,
): TargetResult {
  return {
    outcome: row.outcome as TargetOutcome,
    try: row.try_number,
    verification: parseVerification(row.verification)?.state,
    isConvicted: row.outcome === TargetOutcome.Failed && row.code === STILL_SERVES,
  };
}

function formatVerification(seen: TargetReport['verification']): string | null {
  if (seen === undefined) return null;
  return JSON.stringify({ state: seen.state, message: seen.message.replaceAll('\0', '') });
}

/** Tasks of a host; hosts of a scheduler. */
function countHeld({ task, tasks, host_count: hostCount }: TargetReport): number {
  return hostCount ?? (task === undefined ? (tasks?.length ?? 0) : 1);
}

function toRow(order: OrderRow, report: TargetReport): TargetSetRow {
  const held = report.task ?? report.tasks ?? report.preheats;
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
    held_count: countHeld(report),
    verification: formatVerification(report.verification),
  };
}
