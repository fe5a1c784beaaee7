import { HeldTask, TEXT_LENGTH_MAX, URL_LENGTH_MAX, type pondhawkV1 } from '@pondhawk/contracts';
import type { HostId, TaskId } from '@pondhawk/core';
import { checkLength, toTimeMs, toWhole } from '../announcing/swarm-messages.js';

/** Complete copies by host, as the hosts told of them; what `list_tasks` answers from. */
export class HeldCopies {
  private readonly byHost = new Map<HostId, Map<string, HeldTask>>();

  /** Remembers what a host tells; the first batch of an inventory replaces what was known. */
  tell(hostId: HostId, tasks: readonly HeldTask[], isInventoryStart: boolean): void {
    const held =
      (isInventoryStart ? undefined : this.byHost.get(hostId)) ?? new Map<string, HeldTask>();
    for (const task of tasks) held.set(task.id, task);
    this.byHost.set(hostId, held);
  }

  /** Forgets a host's copy. */
  drop(hostId: HostId, taskId: TaskId): void {
    this.byHost.get(hostId)?.delete(taskId);
  }

  /** Forgets all of a host. */
  dropHost(hostId: HostId): void {
    this.byHost.delete(hostId);
  }

  /** What a host told of one copy, if it did. */
  find(hostId: HostId, taskId: TaskId): HeldTask | undefined {
    return this.byHost.get(hostId)?.get(taskId);
  }

  /** What a host holds, sorted by task id; undefined if it has not told yet. */
  findOf(hostId: HostId): HeldTask[] | undefined {
    const held = this.byHost.get(hostId);
    return held && [...held.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

/**
 * What a report says of a copy.
 *
 * @throws InvalidArgumentError (`TEXT_TOO_LONG`, `NUMBER_TOO_LARGE`) for what no report may carry: one
 *   such copy would have the whole report refused.
 */
export function toHeldTask(record: pondhawkV1.CopyRecord): HeldTask {
  return Object.assign(new HeldTask(), {
    id: record.taskId,
    url: checkLength(record.url, 'url', URL_LENGTH_MAX),
    tag: checkLength(record.tag, 'tag', TEXT_LENGTH_MAX),
    application: checkLength(record.application, 'application', TEXT_LENGTH_MAX),
    state: record.state === 'filling' ? ('filling' as const) : ('complete' as const),
    content_length: toWhole(record.contentLength, 'content_length'),
    finished_bytes: toWhole(record.storedBytes, 'stored_bytes'),
    piece_length: toWhole(record.pieceLength, 'piece_length'),
    created_at_ms: toTimeMs(record.createdAt),
    updated_at_ms: toTimeMs(record.updatedAt),
    ...(record.finishedAt && { finished_at_ms: toTimeMs(record.finishedAt) }),
  });
}
