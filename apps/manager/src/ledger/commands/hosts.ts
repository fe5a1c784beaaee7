import type { ClosedConnection, EnrolHosts, OpenedConnection } from '../enrolment-commands.js';
import type { CommandContext } from '../command-context.js';
import { type SetColumns, writeRows } from '../row-set.js';
import type { HandlerOf } from './command-handler.js';
import { closeConnections, connectionId, loseUnlisted, openConnections } from './enrolments.js';
import { loadLogState } from './purges.js';
import { takeOverIncarnation } from './scheduler-incarnations.js';
import { type EnrolledDaemon, endMarks, noteEnrolled } from './waivers.js';

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
  readonly takes_leases: number;
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
  takes_leases: 'bigint',
  created_at_ms: 'bigint',
  updated_at_ms: 'bigint',
};

/** @see LedgerCommands */
export const enrolHosts: HandlerOf<'enrol-hosts'> = async (context, input) => {
  await takeOverIncarnation(context, input);
  await writeOpened(context, input);
  await openConnections(context, input);
  for (const connection of input.closed) await writeClosed(context, input, connection);
  await closeConnections(context, input);
  await loseUnlisted(context, input);
  // Behind an accept that is under way: it reads its targets without these rows.
  const log = await loadLogState(context, input.clusterId, { isShared: true });
  const { clusterId } = input;
  await noteEnrolled(context, { clusterId, waiver: log.waiver }, leasedDaemons(input));
  await endMarks(context, { clusterId, epoch: log.epoch }, input.told ?? []);
  return log;
};

function leasedDaemons({ opened }: EnrolHosts): readonly EnrolledDaemon[] {
  return opened.flatMap(({ host, incarnation = '', leased }) =>
    leased === undefined
      ? []
      : [
          {
            ...{ hostId: host.id, incarnation, lock: leased.folderLock },
            outlived: leased.outlived ?? [],
          },
        ],
  );
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
  { host, incarnation, connection, leased }: OpenedConnection,
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
    takes_leases: leased === undefined ? 0 : 1,
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
