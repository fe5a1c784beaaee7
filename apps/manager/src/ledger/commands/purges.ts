import { type TaskId, assert } from '@pondhawk/core';
import { chainHash } from '@pondhawk/purge';
import type { CommandContext, CommandParts } from '../command-context.js';
import { insertRows } from '../insert-rows.js';
import type { ClusterLog } from '../records.js';
import type { HandlerOf } from './command-handler.js';
import { leaveBroker } from './outbox.js';

/** The place of a purge in its cluster's log. */
export interface LoggedPurge {
  readonly epoch: string;
  readonly seq: number;
  readonly taskId: string;
}

/** A delete that is being accepted. */
export interface AcceptedPurge {
  readonly context: CommandContext;
  readonly jobId: number;
  readonly taskId: string;
  readonly userId: number;
}

/**
 * Gives deletes the next numbers of a cluster's log, in their order; at least one. Comes before the
 * targets are read: a host that is enrolled after this is told the numbers with its enrolment.
 */
export async function appendPurges(
  common: CommandParts,
  clusterId: number,
  purges: readonly AcceptedPurge[],
): Promise<readonly LoggedPurge[]> {
  const { db } = common;
  const { epoch, head, head_hash } = await db
    .updateTable('purge_log_heads')
    .set((eb) => ({ head: eb('head', '+', purges.length) }))
    .where('scheduler_cluster_id', '=', clusterId)
    .returning(['epoch', 'head', 'head_hash'])
    .executeTakeFirstOrThrow();
  let hash = head_hash;
  const rows = purges.map(({ context, jobId, taskId, userId }, index) => {
    const seq = head - purges.length + 1 + index;
    hash = chainHash(hash, seq, taskId as TaskId); // Parsed where the request came in.
    context.purgeHeads.set(clusterId, { epoch, head: seq });
    return {
      ...{ scheduler_cluster_id: clusterId, seq, job_id: jobId, task_id: taskId },
      ...{ chain_hash: hash, at_ms: context.atMs, user_id: userId },
    };
  });
  await db
    .updateTable('purge_log_heads')
    .set({ head_hash: hash })
    .where('scheduler_cluster_id', '=', clusterId)
    .execute();
  await insertRows(common, 'purge_log', rows);
  return rows.map(({ seq, task_id: taskId }) => ({ epoch, seq, taskId }));
}

/**
 * Where a cluster's log stands. `isShared`: no accept may lie between its targets and its commit
 * meanwhile; SQLite has one writer, so there none does.
 */
export async function loadLogState(
  { db, dialect }: Pick<CommandContext, 'db' | 'dialect'>,
  clusterId: number,
  { isShared = false }: { readonly isShared?: boolean } = {},
): Promise<ClusterLog> {
  const query = db
    .selectFrom('purge_log_heads')
    .selectAll()
    .where('scheduler_cluster_id', '=', clusterId);
  const isLocking = isShared && dialect === 'postgres';
  const row = await (isLocking ? query.forShare() : query).executeTakeFirst();
  assert(row !== undefined, 'Every cluster has a purge log.', { clusterId });
  return {
    ...{ epoch: row.epoch, first: row.first_seq, head: row.head, headHash: row.head_hash },
    waiver: { number: row.waiver_number, isGiven: row.waiver_given !== 0 },
  };
}

/** @see LedgerCommands */
export const renewLogId: HandlerOf<'renew-log-id'> = async (context, input) => {
  const { db } = context;
  const state = await loadLogState(context, input.clusterId);
  const entry = await db
    .selectFrom('purge_log')
    .select('chain_hash')
    .where('scheduler_cluster_id', '=', input.clusterId)
    .where('seq', '=', input.seq)
    .executeTakeFirst();
  const isOld = input.seq < state.first;
  const isSame = isOld || entry?.chain_hash === input.chainHash;
  if (state.epoch !== input.epoch || (isSame && input.seq <= state.head)) return state;
  await renewEpochs(context.db, {
    epoch: input.newEpoch,
    heads: new Map([[input.clusterId, Math.max(state.head, input.seq)]]),
    waivers: new Map(),
    alarm: `${input.hostId} knows purge ${input.seq} of cluster ${input.clusterId} otherwise: the ledger is not the one that gave that number`,
  });
  // Orders of the other history may still lie there.
  await leaveBroker(context, input.newEpoch);
  for (const row of await db.selectFrom('purge_log_heads').selectAll().execute()) {
    const { epoch, head, waiver_number: waiver } = row;
    context.purgeHeads.set(row.scheduler_cluster_id, { epoch, head, waiver });
  }
  return loadLogState(context, input.clusterId);
};

/** @see LedgerCommands */
export const acknowledgeAlarm: HandlerOf<'acknowledge-purge-log'> = async ({ db }) => {
  await db.updateTable('purge_log_heads').set({ alarm: null, waiver_doubted: 0 }).execute();
  return undefined;
};

/**
 * Another epoch for the logs of all clusters: their entries mean nothing under it, their numbers go
 * on above every number that was ever given.
 */
export async function renewEpochs(
  db: CommandContext['db'],
  renewal: {
    readonly epoch: string;
    /** Numbers that are known to have been given, by cluster. */
    readonly heads: ReadonlyMap<number, number>;
    /** Waivers that are known to have been given or withdrawn, by cluster. */
    readonly waivers: ReadonlyMap<number, number>;
    readonly alarm: string | null;
  },
): Promise<void> {
  const rows = await db.selectFrom('purge_log_heads').selectAll().execute();
  for (const row of rows) {
    const head = Math.max(row.head, renewal.heads.get(row.scheduler_cluster_id) ?? 0);
    const known = renewal.waivers.get(row.scheduler_cluster_id) ?? 0;
    const waiver = Math.max(row.waiver_number, known);
    await db
      .updateTable('purge_log_heads')
      .set({
        epoch: renewal.epoch,
        head,
        first_seq: head + 1,
        head_hash: '',
        alarm: renewal.alarm,
        waiver_number: waiver,
        // Who was told, and has not been heard since, may have no mark here.
        waiver_doubted: waiver > 0 ? 1 : row.waiver_doubted,
      })
      .where('scheduler_cluster_id', '=', row.scheduler_cluster_id)
      .execute();
  }
  await db.deleteFrom('purge_log').execute();
  await renameInOrders(db, renewal.epoch);
}

/**
 * Orders that have not ended name their purge under the new epoch: a host that takes it over drops
 * what it holds and stands above every number, so it answers them at once.
 */
async function renameInOrders(db: CommandContext['db'], epoch: string): Promise<void> {
  const rows = await db.selectFrom('outbox').select(['id', 'payload']).execute();
  for (const { id, payload } of rows) {
    const order = JSON.parse(payload) as { readonly purge?: { readonly seq: number } };
    if (order.purge === undefined) continue;
    const renamed = { ...order, purge: { ...order.purge, log_epoch: epoch } };
    await db
      .updateTable('outbox')
      .set({ payload: JSON.stringify(renamed) })
      .where('id', '=', id)
      .execute();
  }
}
