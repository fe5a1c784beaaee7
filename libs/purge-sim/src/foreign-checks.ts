/** What an observer asks of foreign daemons: the most that can be said of those that promise nothing. */

import { type LedgerState, type PurgeEntry, boundMs } from '@pondhawk/purge';
import type { ForeignDesk } from './foreign-desk.js';
import type { Fleet } from './episodes.js';
import { type SimContext, SIM_TIMING } from './parts.js';
import type { ForeignCopy, SimForeign } from './sim-foreign.js';
import type { SimHost } from './sim-host.js';
import { InvariantBroken, type Truth } from './truth.js';

/** What has come within this time of a commit is deleted by the repetition at the latest; clocks may run fast. */
const COVERED_MS = boundMs(SIM_TIMING) * 0.95;

/** A purge that is looked after, and when it was committed. */
export interface PurgeAt {
  readonly entry: PurgeEntry;
  readonly at: number;
}

/** At the end with SUCCESS: what an honest daemon that was a target held at the commit is gone. */
export function checkTargets(daemons: readonly SimForeign[], { entry, at }: PurgeAt): void {
  for (const { name, isLiar, copies } of daemons)
    if (!isLiar && copies.some((copy) => copy.taskId === entry.taskId && copy.gotAt < at))
      throw new InvariantBroken('FOREIGN_KEEPS', `${name}: purge ${entry.seq}, at SUCCESS`);
}

/** One daemon that keeps what it was to be told to delete, as far as any scheduler had to tell it. */
export function findKeeping(
  daemons: readonly SimForeign[],
  desks: readonly ForeignDesk[],
  { log, purges, truth }: { log: LedgerState['log']; purges: readonly PurgeAt[]; truth: Truth },
): InvariantBroken | undefined {
  const { epoch } = log;
  for (const { entry, at } of purges) {
    const { seq, taskId } = entry;
    if (seq < log.first || !desks.some((desk) => desk.hasToTell(epoch, seq))) continue;
    const isKept = (copy: ForeignCopy): boolean =>
      copy.taskId === taskId && copy.readAt < at && copy.gotAt < at + COVERED_MS;
    for (const { name, isLiar, copies } of daemons) {
      if (!copies.some(isKept)) continue;
      const words = `${name}: purge ${seq}`;
      if (!isLiar) return new InvariantBroken('FOREIGN_KEEPS', words);
      if (!truth.warnedOf.has(`${name} ${epoch} ${seq}`))
        return new InvariantBroken('FOREIGN_UNNOTICED', words);
    }
  }
  return undefined;
}

/** Whom a host of our own may download from, as its scheduler names them. */
export function findParents(
  { parts, truth }: SimContext,
  { hosts, foreign }: Pick<Fleet, 'hosts' | 'foreign'>,
): readonly (SimHost | SimForeign)[] {
  if (foreign.length === 0) return hosts;
  const limits = { allowsForeignParents: truth.areForeignParentsAllowed };
  const areParents = parts.maySupply({ isGuarded: false }, { isGuarded: true }, limits);
  return areParents ? [...hosts, ...foreign] : hosts;
}

/** Bytes of a foreign daemon reach a host of our own only where that is allowed. */
export function checkSupplier(truth: Truth, from: string, to: string): void {
  truth.coverage.foreignSupplied += 1;
  if (!truth.areForeignParentsAllowed)
    throw new InvariantBroken('FOREIGN_SUPPLIES', `${from} to ${to}`);
}
