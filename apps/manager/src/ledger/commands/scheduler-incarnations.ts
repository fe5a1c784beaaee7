import { ConflictError, NotFoundError } from '@pondhawk/core';
import type { CommandContext } from '../command-context.js';

/** Which start of which scheduler speaks. */
export interface SpeakingScheduler {
  readonly clusterId: number;
  readonly schedulerId: number;
  /** 32 hex digits. */
  readonly schedulerIncarnation: string;
}

/**
 * A new start of a scheduler has none of the connections of the former one, which gets no view and
 * enrols nobody from now on. It may still live and grant leases on its last view: so its rows count
 * until that has run out, whatever it says.
 *
 * @throws NotFoundError (`INSTANCE_NOT_REGISTERED`), ConflictError (`SCHEDULER_NOT_CURRENT`) for a former start.
 */
export async function takeOverIncarnation(
  context: CommandContext,
  speaking: SpeakingScheduler,
): Promise<void> {
  const { db, atMs } = context;
  const { schedulerId, schedulerIncarnation } = speaking;
  const present = await findIncarnation(context, speaking);
  if (present === schedulerIncarnation) return;
  const former = await db
    .selectFrom('former_schedulers')
    .select('incarnation')
    .where('incarnation', '=', schedulerIncarnation)
    .executeTakeFirst();
  if (former !== undefined) throw notCurrent(schedulerId);
  if (present !== null) {
    await db
      .insertInto('former_schedulers')
      .values({ incarnation: present, closed_at_ms: atMs })
      .execute();
  }
  await db
    .updateTable('schedulers')
    .set({ incarnation: schedulerIncarnation, view_count: 0 })
    .where('id', '=', schedulerId)
    .execute();
  await db
    .updateTable('peers')
    .set({ lost_at_ms: atMs, state: 'inactive', updated_at_ms: atMs })
    .where('scheduler_id', '=', schedulerId)
    .where('lost_at_ms', 'is', null)
    .execute();
}

/** @throws NotFoundError (`INSTANCE_NOT_REGISTERED`), ConflictError (`SCHEDULER_NOT_CURRENT`) unless it is the present start. */
export async function requireCurrent(
  context: CommandContext,
  speaking: SpeakingScheduler,
): Promise<void> {
  const present = await findIncarnation(context, speaking);
  if (present !== speaking.schedulerIncarnation) throw notCurrent(speaking.schedulerId);
}

async function findIncarnation(
  { db }: CommandContext,
  { schedulerId, clusterId }: SpeakingScheduler,
): Promise<string | null> {
  const scheduler = await db
    .selectFrom('schedulers')
    .select('incarnation')
    .where('id', '=', schedulerId)
    .where('scheduler_cluster_id', '=', clusterId)
    .executeTakeFirst();
  if (scheduler !== undefined) return scheduler.incarnation;
  throw new NotFoundError(
    'INSTANCE_NOT_REGISTERED',
    `No scheduler ${schedulerId} is registered in cluster ${clusterId}.`,
  );
}

function notCurrent(schedulerId: number): ConflictError {
  return new ConflictError(
    'SCHEDULER_NOT_CURRENT',
    `scheduler_incarnation: scheduler ${schedulerId} has not enrolled by this start, or by a later one since.`,
    { details: { field: 'scheduler_incarnation' } },
  );
}
