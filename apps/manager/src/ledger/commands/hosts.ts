import { NotFoundError } from '@pondhawk/core';
import type { ClosedConnection, EnrolHosts, OpenedConnection } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';
import { activeUntilMs } from '../liveness.js';
import { type SetColumns, writeRows } from '../row-set.js';
import type { HandlerOf } from './command-handler.js';
import { loadLogState } from './purges.js';

/** How long a host that was lost without a word stays a target. */
export const LOST_HOST_TARGET_MS_MAX = 24 * 3_600_000;

interface PeerSetRow {
  readonly scheduler_cluster_id: number;
  readonly host_id: string;
  readonly host_name: string;
  readonly ip: string;
  readonly state: string;
  readonly host: string;
  readonly incarnation: string | null;
  readonly connection_id: string;
  readonly scheduler_id: number;
  readonly lost_at_ms: number | null;
  readonly has_left: number;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
}

const PEER_COLUMNS: SetColumns<PeerSetRow> = {
  scheduler_cluster_id: 'bigint',
  host_id: 'text',
  host_name: 'text',
  ip: 'text',
  state: 'text',
  host: 'text',
  incarnation: 'text',
  connection_id: 'text',
  scheduler_id: 'bigint',
  lost_at_ms: 'bigint',
  has_left: 'bigint',
  created_at_ms: 'bigint',
  updated_at_ms: 'bigint',
};

/** @see LedgerCommands */
export const enrolHosts: HandlerOf<'enrol-hosts'> = async (context, input) => {
  await takeOverIncarnation(context, input);
  await writeOpened(context, input);
  for (const connection of input.closed) await writeClosed(context, input, connection);
  return loadLogState(context, input.clusterId);
};

/** The hosts that an order accepted now must account for: their records as JSON texts. */
export async function loadTargetHosts(
  { db, atMs }: CommandContext,
  clusterId: number,
): Promise<readonly { readonly id: string; readonly host: string }[]> {
  return db
    .selectFrom('peers')
    .leftJoin('schedulers', 'schedulers.id', 'peers.scheduler_id')
    .select(['peers.host_id as id', 'peers.host'])
    .where('peers.scheduler_cluster_id', '=', clusterId)
    .where('peers.has_left', '=', 0)
    .where('peers.connection_id', 'is not', null)
    .where(
      (eb) => eb.fn.coalesce('peers.lost_at_ms', activeUntilMs),
      '>',
      atMs - LOST_HOST_TARGET_MS_MAX,
    )
    .orderBy('peers.host_id')
    .execute();
}

/** A new start of a scheduler has none of the connections of the former one. */
async function takeOverIncarnation(
  { db, atMs }: CommandContext,
  { schedulerId, clusterId, schedulerIncarnation }: EnrolHosts,
): Promise<void> {
  const scheduler = await db
    .selectFrom('schedulers')
    .select('incarnation')
    .where('id', '=', schedulerId)
    .where('scheduler_cluster_id', '=', clusterId)
    .executeTakeFirst();
  if (scheduler === undefined) {
    throw new NotFoundError(
      'INSTANCE_NOT_REGISTERED',
      `No scheduler ${schedulerId} is registered in cluster ${clusterId}.`,
    );
  }
  if (scheduler.incarnation === schedulerIncarnation) return;
  await db
    .updateTable('schedulers')
    .set({ incarnation: schedulerIncarnation })
    .where('id', '=', schedulerId)
    .execute();
  await db
    .updateTable('peers')
    .set({ lost_at_ms: atMs, state: 'inactive', updated_at_ms: atMs })
    .where('scheduler_id', '=', schedulerId)
    .where('lost_at_ms', 'is', null)
    .execute();
}

async function writeOpened(
  { db, dialect, atMs }: CommandContext,
  input: EnrolHosts,
): Promise<void> {
  const rows = new Map<string, PeerSetRow>(); // A host that opened twice stands as it opened last.
  for (const opened of input.opened) rows.set(opened.host.id, toRow(opened, input, atMs));
  await writeRows(
    { db, dialect },
    {
      table: 'peers',
      columns: PEER_COLUMNS,
      conflict: {
        keys: ['scheduler_cluster_id', 'host_id'],
        update: (Object.keys(PEER_COLUMNS) as (keyof PeerSetRow)[]).filter(
          (name) => !['scheduler_cluster_id', 'host_id', 'created_at_ms'].includes(name),
        ),
      },
    },
    [...rows.values()],
  );
}

function toRow(
  { host, incarnation, connection }: OpenedConnection,
  { clusterId, schedulerId, schedulerIncarnation }: EnrolHosts,
  atMs: number,
): PeerSetRow {
  return {
    scheduler_cluster_id: clusterId,
    host_id: host.id,
    host_name: host.host_name,
    ip: host.ip,
    state: 'active',
    host: JSON.stringify(host),
    incarnation: incarnation ?? null,
    connection_id: connectionId(schedulerIncarnation, connection),
    scheduler_id: schedulerId,
    lost_at_ms: null,
    has_left: 0,
    created_at_ms: atMs,
    updated_at_ms: atMs,
  };
}

/** Only the connection that stands in the row can be lost: a later one made the row its own. */
async function writeClosed(
  { db, atMs }: CommandContext,
  { clusterId, schedulerIncarnation }: EnrolHosts,
  { hostId, connection, hasLeft }: ClosedConnection,
): Promise<void> {
  await db
    .updateTable('peers')
    .set({
      state: 'inactive',
      lost_at_ms: atMs,
      has_left: hasLeft ? 1 : 0,
      updated_at_ms: atMs,
    })
    .where('scheduler_cluster_id', '=', clusterId)
    .where('host_id', '=', hostId)
    .where('connection_id', '=', connectionId(schedulerIncarnation, connection))
    .where('lost_at_ms', 'is', null)
    .execute();
}

function connectionId(schedulerIncarnation: string, connection: number): string {
  return `${schedulerIncarnation}.${connection}`;
}
