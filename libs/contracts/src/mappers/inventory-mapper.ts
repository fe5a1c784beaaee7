/** Limits and task ids of inventories, as hosts and their homes speak of them. */

import { InvalidArgumentError, type TaskId } from '@pondhawk/core';
import type { SyncInventory } from '../gen/pondhawk/v1/fleet_sync.js';

/** Most tasks of one message, held and gone together: some 70 KiB. */
export const INVENTORY_TASKS_PER_MESSAGE_MAX = 2_000;
/** Most copies in the answer of one host to `list_tasks`; it is cut beyond, and says how many there are. */
export const LISTED_COPIES_MAX = 1_000;
/** Most bytes of them. */
export const LISTED_BYTES_MAX = 512 * 1024;

const TASK_ID_BYTES = 32;

/** The ids as bytes. */
export function fromTaskIds(taskIds: readonly TaskId[]): Buffer[] {
  return taskIds.map((taskId) => Buffer.from(taskId, 'hex'));
}

/** @throws InvalidArgumentError (`INVALID_TASK_ID`, `INVENTORY_TOO_LONG`). */
export function toInventoryChange({ held, gone }: SyncInventory): {
  readonly held: TaskId[];
  readonly gone: TaskId[];
} {
  if (held.length + gone.length > INVENTORY_TASKS_PER_MESSAGE_MAX) {
    throw new InvalidArgumentError(
      'INVENTORY_TOO_LONG',
      `A message may name at most ${INVENTORY_TASKS_PER_MESSAGE_MAX} tasks.`,
      { details: { field: 'inventory' } },
    );
  }
  return {
    held: held.map((bytes) => toTaskId(bytes, 'inventory.held')),
    gone: gone.map((bytes) => toTaskId(bytes, 'inventory.gone')),
  };
}

function toTaskId(bytes: Uint8Array, field: string): TaskId {
  if (bytes.length === TASK_ID_BYTES) return Buffer.from(bytes).toString('hex') as TaskId;
  throw new InvalidArgumentError('INVALID_TASK_ID', `${field} must have 32 bytes each.`, {
    details: { field },
  });
}
