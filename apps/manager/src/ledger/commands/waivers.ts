/** Serving without a lease: the setting of a cluster, and the marks of those who may have been told. */

import { type DaemonIdentity, PURGE_RULES, type Waiver } from '@pondhawk/purge';
import { sql } from 'kysely';
import type { ClusterSettings } from '../cluster-commands.js';
import type { ToldDaemon } from '../enrolment-commands.js';
import type { CommandContext } from '../command-context.js';
import { type SetColumns, inSets, valueSet, writeRows } from '../row-set.js';
import type { WaiverMarksTable } from '../tables.js';

/** Name of the flag in a cluster's settings. */
export const WAIVER_FLAG = 'serve_without_lease';

const COLUMNS: SetColumns<WaiverMarksTable> = {
  scheduler_cluster_id: 'bigint',
  host_id: 'text',
  incarnation: 'text',
  folder_lock: 'text',
  number: 'bigint',
  created_at_ms: 'bigint',
};

/**
 * Brings a cluster's waiver to what its settings say. Whoever has an open connection is marked in the
 * same commit: a scheduler may grant on a later view.
 */
export async function settleWaiver(
  context: CommandContext,
  clusterId: number,
  config: ClusterSettings,
): Promise<void> {
  const { db } = context;
  const isGiven = config[WAIVER_FLAG] === true;
  // First: whoever enrols at this moment has committed by then, or reads the new waiver.
  const changed = await db
    .updateTable('purge_log_heads')
    .set((eb) => ({ waiver_given: isGiven ? 1 : 0, waiver_number: eb('waiver_number', '+', 1) }))
    .where('scheduler_cluster_id', '=', clusterId)
    .where('waiver_given', '=', isGiven ? 0 : 1)
    .returning(['epoch', 'head', 'waiver_number'])
    .executeTakeFirst();
  if (changed === undefined) return;
  const { epoch, head, waiver_number: waiver } = changed;
  context.purgeHeads.set(clusterId, { epoch, head, waiver });
  if (!isGiven) return;
  const open = await db
    .selectFrom('enrolments')
    .select(['host_id', 'incarnation', 'folder_lock'])
    .where('scheduler_cluster_id', '=', clusterId)
    .where('is_lost', '=', 0)
    .where('scheduler_incarnation', 'not in', (eb) =>
      eb.selectFrom('former_schedulers').select('incarnation'),
    )
    .execute();
  const daemons = open.map(({ host_id: hostId, incarnation, folder_lock: lock }) => {
    return { hostId, incarnation, lock };
  });
  await markDaemons(context, { clusterId, number: waiver }, daemons);
}

/** A daemon that enrols. */
export interface EnrolledDaemon extends DaemonIdentity {
  /** Starts that are dead, as it proves by its folder's lock. */
  readonly outlived: readonly string[];
}

/**
 * What an enrolment means for marks, after the ledger's waiver was read: each daemon takes those of
 * whom it has outlived, and gets its own while a waiver is given. That two hold the same lock does not
 * tell which came later: a row may be written long after its start has died.
 */
export async function noteEnrolled(
  context: CommandContext,
  { clusterId, waiver }: { readonly clusterId: number; readonly waiver: Waiver },
  enrolled: readonly EnrolledDaemon[],
): Promise<void> {
  if (waiver.number === 0) return;
  const { db, dialect } = context;
  for (const set of inSets(enrolled.flatMap(({ outlived }) => outlived))) {
    await db
      .deleteFrom('waiver_marks')
      .where('scheduler_cluster_id', '=', clusterId)
      .where('incarnation', 'in', valueSet<string>(dialect, set))
      .execute();
  }
  if (waiver.isGiven) await markDaemons(context, { clusterId, number: waiver.number }, enrolled);
}

/** Daemons that say what they were told last: nothing is left of what their marks stand for. */
export async function endMarks(
  context: CommandContext,
  { clusterId, epoch }: { readonly clusterId: number; readonly epoch: string },
  told: readonly ToldDaemon[],
): Promise<void> {
  const valid = told.filter((one) => one.epoch === epoch);
  if (valid.length === 0) return;
  const hostIds = valid.map(({ hostId }) => hostId);
  const marks = await loadMarks(context, clusterId, hostIds);
  const ended = marks.filter((mark) =>
    valid.some(
      ({ hostId, incarnation, number }) =>
        hostId === mark.hostId &&
        incarnation === mark.incarnation &&
        PURGE_RULES.isWaiverEnded(mark, { number, isGiven: false }),
    ),
  );
  await deleteMarks(context, clusterId, ended);
}

/** A mark with its daemon; oldest first. */
export interface MarkedDaemon extends DaemonIdentity {
  readonly number: number;
}

/** The marks of a cluster; with `hostIds` of these hosts alone. */
export async function loadMarks(
  { db, dialect }: Pick<CommandContext, 'db' | 'dialect'>,
  clusterId: number,
  hostIds?: readonly string[],
): Promise<readonly MarkedDaemon[]> {
  const query = db
    .selectFrom('waiver_marks')
    .select(['host_id', 'incarnation', 'folder_lock', 'number'])
    .where('scheduler_cluster_id', '=', clusterId)
    .orderBy('created_at_ms')
    .orderBy('host_id')
    .orderBy('incarnation');
  const isAll = hostIds === undefined;
  const rows = await (
    isAll ? query : query.where('host_id', 'in', valueSet<string>(dialect, hostIds))
  ).execute();
  return rows.map(({ host_id: hostId, incarnation, folder_lock: lock, number }) => {
    return { hostId, incarnation, lock, number };
  });
}

/** Those of some daemons that stand for a marked one: they cannot be fenced. */
export async function findMarked<T extends DaemonIdentity>(
  context: Pick<CommandContext, 'db' | 'dialect'>,
  clusterId: number,
  daemons: readonly T[],
): Promise<ReadonlySet<T>> {
  if (daemons.length === 0) return new Set();
  if (await isDoubted(context, clusterId)) return new Set(daemons);
  const byHost = new Map<string, MarkedDaemon[]>();
  const hostIds = daemons.map(({ hostId }) => hostId);
  for (const mark of await loadMarks(context, clusterId, hostIds))
    byHost.set(mark.hostId, [...(byHost.get(mark.hostId) ?? []), mark]);
  const isMarked = (daemon: T): boolean =>
    (byHost.get(daemon.hostId) ?? []).some((mark) => PURGE_RULES.standsFor(daemon, mark));
  return new Set(daemons.filter(isMarked));
}

/** Whether the ledger went back and may have forgotten marks: then nobody is known to have none. */
async function isDoubted({ db }: Pick<CommandContext, 'db'>, clusterId: number): Promise<boolean> {
  const row = await db
    .selectFrom('purge_log_heads')
    .select('waiver_doubted')
    .where('scheduler_cluster_id', '=', clusterId)
    .executeTakeFirst();
  return (row?.waiver_doubted ?? 0) !== 0;
}

/** Somebody vouches that the daemons which have served for a host are no more, or one said so itself. */
export async function forgetMarks(
  { db }: CommandContext,
  clusterId: number,
  daemon: { readonly hostId: string; readonly incarnation?: string },
): Promise<void> {
  const query = db
    .deleteFrom('waiver_marks')
    .where('scheduler_cluster_id', '=', clusterId)
    .where('host_id', '=', daemon.hostId);
  const { incarnation } = daemon;
  await (
    incarnation === undefined ? query : query.where('incarnation', '=', incarnation)
  ).execute();
}

async function markDaemons(
  { db, dialect, atMs }: CommandContext,
  { clusterId, number }: { readonly clusterId: number; readonly number: number },
  daemons: readonly DaemonIdentity[],
): Promise<void> {
  const keyed = new Map(
    daemons.map((daemon) => [`${daemon.hostId} ${daemon.incarnation}`, daemon]),
  );
  const rows = [...keyed.values()].map(({ hostId, incarnation, lock }) => ({
    scheduler_cluster_id: clusterId,
    host_id: hostId,
    incarnation,
    folder_lock: lock,
    number,
    created_at_ms: atMs,
  }));
  const keys = ['scheduler_cluster_id', 'host_id', 'incarnation'] as const;
  await writeRows(
    { db, dialect },
    { table: 'waiver_marks', columns: COLUMNS, conflict: { keys, update: ['number'] } },
    rows,
  );
}

async function deleteMarks(
  { db, dialect }: CommandContext,
  clusterId: number,
  marks: readonly DaemonIdentity[],
): Promise<void> {
  for (const set of inSets(marks.map(({ hostId, incarnation }) => `${hostId} ${incarnation}`))) {
    await db
      .deleteFrom('waiver_marks')
      .where('scheduler_cluster_id', '=', clusterId)
      .where(sql<string>`host_id || ' ' || incarnation`, 'in', valueSet<string>(dialect, set))
      .execute();
  }
}
