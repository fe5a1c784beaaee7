import type { CountedRow, LeaseAccount } from '@pondhawk/purge';
import type { EnrolHosts } from '../enrolment-commands.js';
import type { CommandContext } from '../command-context.js';
import { type SetColumns, inSets, valueSet, writeRows } from '../row-set.js';
import type { EnrolmentsTable } from '../tables.js';
import { keepLeaseTiming } from '../settle-lease-timing.js';
import type { HandlerOf } from './command-handler.js';
import { forgetMarks } from './waivers.js';

/** Rows that one command forgets. */
export const FORGOTTEN_ENROLMENTS_MAX = 1_000;
/** Former starts of schedulers are remembered for this long: none is still alive after it. */
const FORMER_SCHEDULER_AGE_MS_MAX = 30 * 24 * 3_600_000;

const COLUMNS: SetColumns<EnrolmentsTable> = {
  connection_id: 'text',
  scheduler_cluster_id: 'bigint',
  scheduler_incarnation: 'text',
  connection: 'bigint',
  host_id: 'text',
  incarnation: 'text',
  folder_lock: 'text',
  is_lost: 'bigint',
  created_at_ms: 'bigint',
};

/** Names a connection: a scheduler's incarnation and the number that it gave. */
export function connectionId(schedulerIncarnation: string, connection: number): string {
  return `${schedulerIncarnation}.${connection}`;
}

/** Writes a row for each connection under which a host may get leases; one that is there stays as it is, so that lost stays lost. */
export async function openConnections(
  { db, dialect, atMs }: CommandContext,
  { clusterId, schedulerIncarnation, opened }: EnrolHosts,
): Promise<void> {
  const rows = opened.flatMap(({ host, incarnation = '', connection, leased }) =>
    leased === undefined
      ? []
      : [
          {
            connection_id: connectionId(schedulerIncarnation, connection),
            scheduler_cluster_id: clusterId,
            scheduler_incarnation: schedulerIncarnation,
            connection,
            host_id: host.id,
            incarnation,
            folder_lock: leased.folderLock,
            is_lost: 0,
            created_at_ms: atMs,
          },
        ],
  );
  await writeRows(
    { db, dialect },
    { table: 'enrolments', columns: COLUMNS, conflict: { keys: ['connection_id'], update: [] } },
    rows,
  );
}

/** Connections that their scheduler says are no more. A host that left has given up lease and waiver before it said so. */
export async function closeConnections(
  context: CommandContext,
  { clusterId, schedulerIncarnation, closed }: EnrolHosts,
): Promise<void> {
  const idsOf = (hasLeft: boolean): string[] =>
    closed
      .filter((one) => one.hasLeft === hasLeft)
      .map(({ connection }) => connectionId(schedulerIncarnation, connection));
  await lose(context, clusterId, idsOf(false));
  const left = idsOf(true);
  if (left.length === 0) return;
  const account = context.leases.of(clusterId);
  context.afterCommit.push(() => left.forEach((connection) => account.noteLeft(connection)));
  const rows = await context.db
    .deleteFrom('enrolments')
    .where('connection_id', 'in', valueSet<string>(context.dialect, left))
    .returning(['host_id', 'incarnation'])
    .execute();
  for (const { host_id: hostId, incarnation } of rows)
    await forgetMarks(context, clusterId, { hostId, incarnation });
}

/** A scheduler has told all its connections: others of this start are lost. */
export async function loseUnlisted(context: CommandContext, input: EnrolHosts): Promise<void> {
  const { completeUpTo, stillOpen = [], opened, clusterId, schedulerIncarnation } = input;
  if (completeUpTo === undefined) return;
  const listed = new Set([...stillOpen, ...opened.map(({ connection }) => connection)]);
  const rows = await context.db
    .selectFrom('enrolments')
    .select(['connection_id', 'connection'])
    .where('scheduler_incarnation', '=', schedulerIncarnation)
    .where('connection', '<=', completeUpTo)
    .where('is_lost', '=', 0)
    .execute();
  const lost = rows.filter(({ connection }) => !listed.has(connection));
  const ids = lost.map((row) => row.connection_id);
  await lose(context, clusterId, ids);
  for (const set of inSets(ids)) {
    await context.db
      .updateTable('peers')
      .set({ state: 'inactive', lost_at_ms: context.atMs, updated_at_ms: context.atMs })
      .where('connection_id', 'in', valueSet<string>(context.dialect, set))
      .where('lost_at_ms', 'is', null)
      .execute();
  }
  await loseUnannounced(context, { input, completeUpTo, listed });
}

/** Daemons that only announce themselves have no row of a connection: it stands with the host alone. */
async function loseUnannounced(
  { db, dialect, atMs }: CommandContext,
  {
    input,
    completeUpTo,
    listed,
  }: {
    readonly input: EnrolHosts;
    readonly completeUpTo: number;
    readonly listed: ReadonlySet<number>;
  },
): Promise<void> {
  const { schedulerId, schedulerIncarnation } = input;
  const rows = await db
    .selectFrom('peers')
    .select(['id', 'connection_id'])
    .where('scheduler_id', '=', schedulerId)
    .where('takes_leases', '=', 0)
    .where('lost_at_ms', 'is', null)
    .where('connection_id', 'like', `${schedulerIncarnation}.%`)
    .execute();
  const lost = rows.filter(({ connection_id }) => {
    const connection = Number(connection_id?.split('.')[1]);
    return connection <= completeUpTo && !listed.has(connection);
  });
  for (const set of inSets(lost)) {
    const ids = set.map(({ id }) => id);
    await db
      .updateTable('peers')
      .set({ state: 'inactive', lost_at_ms: atMs, updated_at_ms: atMs })
      .where('id', 'in', valueSet<number>(dialect, ids))
      .execute();
  }
}

async function lose(
  { db, dialect, leases }: CommandContext,
  clusterId: number,
  ids: readonly string[],
): Promise<void> {
  for (const set of inSets(ids)) {
    await db
      .updateTable('enrolments')
      .set({ is_lost: 1 })
      .where('connection_id', 'in', valueSet<string>(dialect, set))
      .execute();
    for (const id of set) leases.of(clusterId).noteLost(id);
  }
}

/**
 * Measures what the ledger says of a row from when this process first sees it: it may have been
 * another manager that was told.
 */
export function seeRow(
  account: LeaseAccount,
  row: CountedRow & { readonly isReplaced: boolean },
): void {
  if (row.isLost) account.noteLost(row.connection);
  if (row.isReplaced) account.seeReplaced(row.scheduler);
}

/** @see LedgerCommands */
export const forgetEnrolments: HandlerOf<'forget-enrolments'> = async (context) => {
  const { db, dialect, leases, atMs } = context;
  const rows = await db
    .selectFrom('enrolments')
    .leftJoin(
      'former_schedulers',
      'former_schedulers.incarnation',
      'enrolments.scheduler_incarnation',
    )
    .select(['connection_id', 'scheduler_cluster_id', 'scheduler_incarnation', 'is_lost'])
    .select('closed_at_ms')
    .where((eb) => eb.or([eb('is_lost', '=', 1), eb('closed_at_ms', 'is not', null)]))
    .limit(FORGOTTEN_ENROLMENTS_MAX)
    .execute();
  const forgotten = rows.filter((row) => {
    const counted = {
      connection: row.connection_id,
      scheduler: row.scheduler_incarnation,
      isLost: row.is_lost !== 0,
    };
    const account = leases.of(row.scheduler_cluster_id);
    seeRow(account, { ...counted, isReplaced: row.closed_at_ms !== null });
    return !account.isLeased(counted);
  });
  const ids = forgotten.map((row) => row.connection_id);
  for (const set of inSets(ids)) {
    await db
      .deleteFrom('enrolments')
      .where('connection_id', 'in', valueSet<string>(dialect, set))
      .execute();
  }
  context.afterCommit.push(() => {
    for (const row of forgotten)
      leases.of(row.scheduler_cluster_id).forgetConnection(row.connection_id);
  });
  await db
    .deleteFrom('former_schedulers')
    .where('closed_at_ms', '<=', atMs - FORMER_SCHEDULER_AGE_MS_MAX)
    .execute();
  if (leases.isSettled && leases.timing !== leases.configured) {
    await keepLeaseTiming(db, leases.configured);
    context.afterCommit.push(() => leases.countWith(leases.configured));
  }
  return { forgottenCount: ids.length };
};
