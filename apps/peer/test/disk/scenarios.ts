import { ConflictError, type RandomSource, type TaskId } from '@pondhawk/core';
import type { Guarantee } from './examine.js';
import { Machine, someTaskIds, type Weakness } from './machine.js';
import { cutEverywhere, seeded, type CutResult } from './power-cuts.js';

/** The first two lie in one folder. */
const TASKS = someTaskIds();
const [a, b, c] = TASKS;
const RANDOM_STEPS = 8;

/** How a scenario is carried out. */
export interface ScenarioOptions {
  readonly weakness?: Weakness;
  /** Ends as soon as this does not hold. */
  readonly until?: Guarantee;
}

/** Cuts the power at every moment of everything that a peer does with its disk. */
export async function cutWork({ weakness, until }: ScenarioOptions = {}): Promise<CutResult> {
  const random = seeded(1);
  const machine = new Machine(random, weakness);
  try {
    await work(machine);
    return await cutEverywhere(machine, { random, samples: 4, until });
  } finally {
    await machine.dispose();
  }
}

/** Kills the process at moments of that work, and cuts the power at moments after the next start. */
export async function cutAfterKills(options: ScenarioOptions = {}): Promise<CutResult> {
  const { weakness, until } = options;
  const random = seeded(2);
  const machine = new Machine(random, weakness);
  const total = noResult();
  try {
    await work(machine);
    const { startedAt, history } = machine;
    for (let at = startedAt; at < history.now && !total.isEnough; at += 1 + (at % 3)) {
      const next = machine.kill(at);
      await next.start();
      await next.fill(a, 'a3');
      await next.purge([b]);
      await next.fill(c, 'c3');
      // What a start has read and tells is lost in the first moments, or not at all.
      const isChosen = (moment: number): boolean => moment < at + 6 || random() < 0.04;
      add(total, await cutEverywhere(next, { random, samples: 1, until, isChosen }));
      await next.dispose();
    }
    return total;
  } finally {
    await machine.dispose();
  }
}

/** Does several things at once, again and again, and cuts the power at some moments. */
export async function cutRandomWork(
  options: ScenarioOptions & { readonly seeds: number },
): Promise<CutResult> {
  const total = noResult();
  for (let seed = 1; seed <= options.seeds && !total.isEnough; seed += 1) {
    const random = seeded(seed);
    const machine = new Machine(random, options.weakness);
    await workAtRandom(machine, random);
    const isChosen = (): boolean => random() < 0.2;
    const { until } = options;
    add(total, await cutEverywhere(machine, { random, samples: 1, until, isChosen }), seed);
    await machine.dispose();
  }
  return total;
}

async function work(machine: Machine): Promise<void> {
  await machine.start();
  await machine.fill(a, 'a1');
  await machine.fill(b, 'b1', 1);
  await machine.purge([a]);
  await machine.fill(b, 'b1');
  await machine.fill(a, 'a2');
  await machine.fill(c, 'c1', 1);
  await machine.purge([b, c]);
  await machine.restart();
  await machine.fill(c, 'c2');
  await machine.collect();
  await machine.fill(b, 'b2');
  await machine.delete(b);
}

async function workAtRandom(machine: Machine, random: RandomSource): Promise<void> {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const task = (): TaskId => pick(TASKS);
  const act = async (): Promise<void> => {
    const dice = random();
    if (dice < 0.6) return machine.fill(task(), pick(['1', '2', 'big']), random() < 0.3 ? 1 : 2);
    if (dice < 0.7) return machine.purge([task()]);
    if (dice < 0.75) return machine.purge([task(), task()]);
    if (dice < 0.85) return machine.delete(task());
    // A collection removes empty folders, also those that a deletion has just emptied.
    await Promise.all([machine.collect(), machine.delete(task())]);
  };
  await machine.start();
  for (let step = 0; step < RANDOM_STEPS; step += 1) {
    const atOnce = 1 + Math.floor(random() * 3);
    await Promise.all(Array.from({ length: atOnce }, () => orConflict(act())));
    if (random() < 0.1) await machine.restart();
  }
}

/** A fill that was begun twice or ended by a deletion is no fault. */
async function orConflict(act: Promise<void>): Promise<void> {
  await act.catch((error: unknown) => {
    if (!(error instanceof ConflictError)) throw error;
  });
}

function noResult(): CutResult {
  return { moments: 0, states: 0, violations: [], isEnough: false };
}

function add(total: CutResult, part: CutResult, seed?: number): void {
  total.moments += part.moments;
  total.states += part.states;
  total.isEnough ||= part.isEnough;
  const where = seed === undefined ? '' : `seed ${seed}: `;
  for (const violation of part.violations) {
    total.violations.push({ ...violation, text: `${where}${violation.text}` });
  }
}
