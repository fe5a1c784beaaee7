/** Whether a history keeps the promise: what was purged is served by nobody once the job has ended. */

import type { Deletion, History, OriginWrite, Serve, StaleServe, Verdict } from './history.js';

interface ByteRange {
  readonly startByte: number;
  readonly endByte: number;
}

/**
 * Looks at each serve that arrived after the end of a deletion of its content: none of its bytes may
 * have left the origin before that deletion was asked for. A `guaranteed` SUCCESS binds all hosts; any
 * other end those that it names as cleared. Of an answer that was under way at the end, as many bytes
 * are let through as the deletion says were held outside the daemon then.
 */
export function checkHistory({ originWrites, deletions, serves }: History): Verdict {
  const writesOf = groupBy(originWrites, versionKey);
  const deletionsOf = groupBy(deletions, ({ content }) => content);
  const heldLeft = new Map<Deletion, Map<number, number>>();
  const stale: StaleServe[] = [];
  const unknown: Serve[] = [];
  let servesChecked = 0;
  for (const serve of serves) {
    const { content } = serve.answer;
    const writes = writesOf.get(versionKey({ content, version: serve.version })) ?? [];
    if (bytesOf(subtract([serve], writes)) > 0) unknown.push(serve);
    const binding = (deletionsOf.get(content) ?? []).filter((deletion) => binds(deletion, serve));
    if (binding.length > 0) servesChecked += 1;
    for (const deletion of binding) {
      const purged = purgedBytes(serve, deletion, writes);
      const bytes = purged - takeHeld(heldLeft, deletion, { id: serve.answer.id, bytes: purged });
      if (bytes > 0) stale.push({ serve, deletion, bytes });
    }
  }
  return { servesChecked, stale, unknown };
}

/** Whether a deletion's end says anything of its hosts. */
export function bindsAll({ state, finality }: Deletion): boolean {
  return state === 'SUCCESS' && finality === 'guaranteed';
}

function binds(deletion: Deletion, { answer, atMs }: Serve): boolean {
  if (atMs <= deletion.endSeenAtMs) return false;
  return bindsAll(deletion) || deletion.clearedHosts.has(answer.host);
}

/** Bytes that a daemon can only have read before the deletion was asked for. */
function purgedBytes(serve: Serve, deletion: Deletion, writes: readonly OriginWrite[]): number {
  const later = writes.filter(({ atMs }) => atMs >= deletion.askedAtMs);
  return bytesOf(subtract([serve], later)) - bytesOf(subtract([serve], writes));
}

/** How many of these bytes were held outside the daemon; each is let through once. */
function takeHeld(
  heldLeft: Map<Deletion, Map<number, number>>,
  deletion: Deletion,
  { id, bytes }: { id: number; bytes: number },
): number {
  const left = heldLeft.get(deletion) ?? new Map(deletion.heldBytes);
  heldLeft.set(deletion, left);
  const taken = Math.min(left.get(id) ?? 0, bytes);
  left.set(id, (left.get(id) ?? 0) - taken);
  return taken;
}

function subtract(from: readonly ByteRange[], ranges: readonly ByteRange[]): ByteRange[] {
  return ranges.reduce<ByteRange[]>(
    (left, range) =>
      left.flatMap(({ startByte, endByte }) =>
        [
          { startByte, endByte: Math.min(endByte, range.startByte) },
          { startByte: Math.max(startByte, range.endByte), endByte },
        ].filter((part) => part.endByte > part.startByte),
      ),
    [...from],
  );
}

function bytesOf(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, { startByte, endByte }) => sum + endByte - startByte, 0);
}

function versionKey({ content, version }: Pick<OriginWrite, 'content' | 'version'>): string {
  return `${content} ${version}`;
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return groups;
}
