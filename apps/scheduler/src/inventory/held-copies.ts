import { HeldTask, type pondhawkV1 } from '@pondhawk/contracts';
import type { HostId, TaskId } from '@pondhawk/core';

/** Complete copies by host, as the hosts told of them; what `list_tasks` answers from. */
export class HeldCopies {
  private readonly byHost = new Map<HostId, Map<string, HeldTask>>();

  /** Remembers what a host tells; the first batch of an inventory replaces what was known. */
  tell(hostId: HostId, records: readonly pondhawkV1.CopyRecord[], isInventoryStart: boolean): void {
    const held =
      (isInventoryStart ? undefined : this.byHost.get(hostId)) ?? new Map<string, HeldTask>();
    for (const record of records) held.set(record.taskId, toHeldTask(record));
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

function toHeldTask(record: pondhawkV1.CopyRecord): HeldTask {
  const finishedAtMs = record.finishedAt?.getTime();
  return Object.assign(new HeldTask(), {
    id: record.taskId,
    url: record.url,
    tag: record.tag,
    application: record.application,
    state: record.state === 'filling' ? ('filling' as const) : ('complete' as const),
    content_length: Number(record.contentLength),
    finished_bytes: Number(record.storedBytes),
    piece_length: Number(record.pieceLength),
    created_at_ms: record.createdAt?.getTime() ?? 0,
    updated_at_ms: record.updatedAt?.getTime() ?? 0,
    ...(finishedAtMs === undefined ? {} : { finished_at_ms: finishedAtMs }),
  });
}
