import { ConflictError, NotFoundError } from '@pondhawk/core';
import type { CommandContext } from '../command-context.js';
import type { UpdateScheduler } from '../instance-commands.js';
import { isActive } from '../liveness.js';
import { requireSchedulerCluster } from './cluster-refusals.js';
import type { HandlerOf } from './command-handler.js';

type Db = CommandContext['db'];

interface SchedulerKey {
  readonly clusterId: number;
  readonly hostName: string;
  readonly ip: string;
}

/** @see InstanceCommands */
export const createScheduler: HandlerOf<'create-scheduler'> = async ({ db }, input) => {
  await requireSchedulerCluster(db, input.clusterId);
  await requireFreeKey(db, input, { isRemovedFree: true });
  const features = JSON.stringify(input.features);
  const facts = {
    port: input.port,
    idc: input.idc,
    location: input.location,
    features,
    chosen_features: features,
    keep_alive_interval_ms: input.keepAliveIntervalMs,
    removed_at_ms: null,
    updated_at_ms: input.atMs,
  };
  return (
    db
      .insertInto('schedulers')
      .values({
        scheduler_cluster_id: input.clusterId,
        host_name: input.hostName,
        ip: input.ip,
        last_keep_alive_at_ms: 0,
        created_at_ms: input.atMs,
        ...facts,
      })
      // One that was removed is there still, under its number.
      .onConflict((conflict) =>
        conflict.columns(['scheduler_cluster_id', 'host_name', 'ip']).doUpdateSet(facts),
      )
      .returning('id')
      .executeTakeFirstOrThrow()
  );
};

/** @see InstanceCommands */
export const updateScheduler: HandlerOf<'update-scheduler'> = async ({ db }, input) => {
  const { atMs, schedulerId, changes } = input;
  const row = await requireScheduler(db, schedulerId);
  const clusterId = changes.clusterId ?? row.scheduler_cluster_id;
  const ip = changes.ip ?? row.ip;
  if (clusterId !== row.scheduler_cluster_id || ip !== row.ip) {
    await requireSchedulerCluster(db, clusterId);
    if (row.last_keep_alive_at_ms > 0) {
      throw inUse(schedulerId, 'has run: cluster and ip are those of its own settings');
    }
    // A removed one counts as well: its number stands for hosts that purges still account for.
    await requireFreeKey(db, { clusterId, ip, hostName: row.host_name }, { exceptId: schedulerId });
  }
  await db
    .updateTable('schedulers')
    .set({ ...columnsOf(changes), scheduler_cluster_id: clusterId, ip, updated_at_ms: atMs })
    .where('id', '=', schedulerId)
    .execute();
  return undefined;
};

/** @see InstanceCommands */
export const deleteScheduler: HandlerOf<'delete-scheduler'> = async ({ db }, input) => {
  const { atMs, schedulerId } = input;
  const row = await requireScheduler(db, schedulerId);
  if (isActive(row, atMs)) throw inUse(schedulerId, 'is active; stop it first');
  await db
    .updateTable('schedulers')
    .set({ removed_at_ms: atMs, chosen_features: null, updated_at_ms: atMs })
    .where('id', '=', schedulerId)
    .execute();
  return undefined;
};

async function requireScheduler(db: Db, schedulerId: number) {
  const row = await db
    .selectFrom('schedulers')
    .selectAll()
    .where('id', '=', schedulerId)
    .where('removed_at_ms', 'is', null)
    .executeTakeFirst();
  if (row !== undefined) return row;
  throw new NotFoundError('SCHEDULER_NOT_FOUND', `There is no scheduler ${schedulerId}.`, {
    details: { id: schedulerId },
  });
}

async function requireFreeKey(
  db: Db,
  key: SchedulerKey,
  { exceptId, isRemovedFree }: { readonly exceptId?: number; readonly isRemovedFree?: boolean },
): Promise<void> {
  const row = await db
    .selectFrom('schedulers')
    .select(['id', 'removed_at_ms'])
    .where('scheduler_cluster_id', '=', key.clusterId)
    .where('host_name', '=', key.hostName)
    .where('ip', '=', key.ip)
    .executeTakeFirst();
  if (row === undefined || row.id === exceptId) return;
  if (isRemovedFree === true && row.removed_at_ms !== null) return;
  throw new ConflictError(
    'SCHEDULER_EXISTS',
    `host_name is taken: cluster ${key.clusterId} has a scheduler ${key.hostName} at ${key.ip} already.`,
    { details: { field: 'host_name' } },
  );
}

function columnsOf(changes: UpdateScheduler['changes']) {
  const { port, idc, location, features, keepAliveIntervalMs } = changes;
  return {
    ...(port === undefined ? {} : { port }),
    ...(idc === undefined ? {} : { idc }),
    ...(location === undefined ? {} : { location }),
    ...(features === undefined ? {} : { chosen_features: JSON.stringify(features) }),
    ...(keepAliveIntervalMs === undefined ? {} : { keep_alive_interval_ms: keepAliveIntervalMs }),
  };
}

function inUse(schedulerId: number, why: string): ConflictError {
  return new ConflictError('SCHEDULER_IN_USE', `Scheduler ${schedulerId} ${why}.`, {
    details: { id: schedulerId },
  });
}
