import { rmSync } from 'node:fs';
import type { RandomSource } from '@pondhawk/core';
import type { Survival } from './disk-history.js';
import { examine, type Guarantee, type Violation } from './examine.js';
import { makeFolder, type Machine } from './machine.js';

/** What cutting the power came to. */
export interface CutResult {
  /** Moments, of those in which something differs from the one before. */
  moments: number;
  /** States that were looked at. */
  states: number;
  /** What did not hold, with the moment. */
  readonly violations: (Violation & { readonly at: number })[];
  /** Whether what was looked for was found, and nothing else was tried after it. */
  isEnough: boolean;
}

/** A seeded source of numbers (mulberry32). */
export function seeded(seed: number): RandomSource {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Cuts the power at every moment of what a machine did, or at those that `isChosen` names, and looks at states that the disk may be left in: the least, the most, and `samples` between.
 */
export async function cutEverywhere(
  machine: Machine,
  options: {
    readonly random: RandomSource;
    readonly samples: number;
    readonly until?: Guarantee | undefined;
    readonly isChosen?: (moment: number) => boolean;
  },
): Promise<CutResult> {
  const { random, samples, isChosen = () => true } = options;
  const { history, reports, weakness } = machine;
  const result: CutResult = { moments: 0, states: 0, violations: [], isEnough: false };
  let former = '';
  for (let at = machine.startedAt; at <= history.now && !result.isEnough; at += 1) {
    const known = reports.filter((report) => report.at <= at);
    const open = history.openAt(at);
    const text = `${known.length} ${open.text}`;
    if (text === former) continue;
    former = text;
    result.moments += 1;
    if (!isChosen(at)) continue;
    const between = Array.from({ length: open.count === 0 ? 0 : samples }, () => random);
    const all: Survival[] = open.count === 0 ? ['nothing'] : ['nothing', 'everything', ...between];
    for (const survival of all) {
      const directory = makeFolder();
      history.materialise(at, survival, directory);
      const violations = await examine(directory, known, weakness);
      rmSync(directory, { recursive: true });
      result.states += 1;
      result.violations.push(...violations.map((violation) => ({ ...violation, at })));
      result.isEnough ||= violations.some(({ guarantee }) => guarantee === options.until);
    }
  }
  return result;
}
