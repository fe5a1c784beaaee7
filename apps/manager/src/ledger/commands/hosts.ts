import type { CommandContext } from '../command-context.js';
import type { HostRecord } from '../host-record.js';
import { type SetColumns, writeRows } from '../row-set.js';
import type { HandlerOf } from './command-handler.js';

/** A host seen in a cluster and what was learnt of its state. */
export interface SeenHost {
  readonly clusterId: number;
  readonly host: HostRecord;
  readonly state: 'active' | 'inactive';
}

interface PeerSetRow {
  readonly scheduler_cluster_id: number;
  readonly host_id: string;
  readonly host_name: string;
  readonly ip: string;
  readonly state: string;
  readonly host: string;
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
  created_at_ms: 'bigint',
  updated_at_ms: 'bigint',
};

/** @see LedgerCommands */
export const recordHosts: HandlerOf<'record-hosts'> = async (
  context,
  { clusterId, state, hosts },
) => {
  await writeHosts(
    context,
    hosts.map((host) => ({ clusterId, state, host })),
  );
  return undefined;
};

/** Writes hosts as they are now; a host named twice is written as it was named last. */
export async function writeHosts(
  { db, dialect, atMs }: CommandContext,
  seen: readonly SeenHost[],
): Promise<void> {
  const rows = new Map<string, PeerSetRow>();
  for (const { clusterId, host, state } of seen) {
    rows.set(`${clusterId} ${host.id}`, {
      scheduler_cluster_id: clusterId,
      host_id: host.id,
      host_name: host.host_name,
      ip: host.ip,
      state,
      host: JSON.stringify(host),
      created_at_ms: atMs,
      updated_at_ms: atMs,
    });
  }
  await writeRows(
    { db, dialect },
    {
      table: 'peers',
      columns: PEER_COLUMNS,
      conflict: {
        keys: ['scheduler_cluster_id', 'host_id'],
        update: ['host_name', 'ip', 'state', 'host', 'updated_at_ms'],
      },
    },
    [...rows.values()],
  );
}
