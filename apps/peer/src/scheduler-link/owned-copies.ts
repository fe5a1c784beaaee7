import { chooseByRendezvous, type TaskId } from '@pondhawk/core';
import { COPY_PAGE_MAX, type Copy, type CopyStore } from '../copies/index.js';

/** Numbers of the schedulers among which each task has its owner, ascending. */
export type Owners = readonly number[];

/** Whether a scheduler owns a task among these. */
export function isOwner(owners: Owners, schedulerId: number, taskId: TaskId): boolean {
  if (!owners.includes(schedulerId)) return false;
  return (
    chooseByRendezvous(
      owners.map((id) => ({ id })),
      taskId,
    ).id === schedulerId
  );
}

/**
 * Pages of complete copies whose tasks a scheduler owns now and did not own among `before`; a page may
 * be empty. The caller may wait between pages: copies that complete meanwhile may be missing.
 */
export function* findNewlyOwned(
  copies: Pick<CopyStore, 'listPage'>,
  schedulerId: number,
  owners: { readonly now: Owners; readonly before: Owners | undefined },
): Generator<Copy[], void, undefined> {
  const { now, before = [] } = owners;
  for (let after = '', isLast = false; !isLast;) {
    const page = copies.listPage(after);
    yield page.filter(
      ({ taskId, state }) =>
        state === 'complete' &&
        isOwner(now, schedulerId, taskId) &&
        !isOwner(before, schedulerId, taskId),
    );
    isLast = page.length < COPY_PAGE_MAX;
    after = page.at(-1)?.copyId ?? '';
  }
}
