import { createHash } from 'node:crypto';
import type { TaskId } from '@pondhawk/core';

/**
 * Hash of an entry and all before it. Two logs of the same epoch that differ anywhere differ in the
 * hash of every later number, so one comparison tells a ledger that went back in time.
 *
 * @param formerHash of the entry before; empty for the first of a log.
 * @returns 64 hex digits.
 */
export function chainHash(formerHash: string, seq: number, taskId: TaskId): string {
  return createHash('sha256').update(`${formerHash}\n${seq}\n${taskId}`).digest('hex');
}
