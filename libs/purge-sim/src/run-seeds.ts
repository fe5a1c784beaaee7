import { FAULTS, formatFaults } from './faults.js';
import { RUN_MS, type RunResult, type Schedule, runSchedule, weatherOf } from './run-schedule.js';
import { type Coverage, type Invariant, noCoverage } from './truth.js';

/** A seed that failed. */
export interface Failure {
  readonly schedule: Schedule;
  readonly invariant: Invariant;
  readonly words: string;
}

/** What many seeds came to. */
export interface SeedsResult {
  readonly runs: number;
  readonly coverage: Coverage;
  readonly failure: Failure | undefined;
}

/** Runs seeds one after another, up to the first that fails. */
export function runSeeds(
  first: number,
  count: number,
  weaker: Pick<Schedule, 'name' | 'parts' | 'weather'> = {},
): SeedsResult {
  const total = noCoverage();
  for (let seed = first; seed < first + count; seed += 1) {
    const { parts, weather, name } = weaker;
    const schedule = { seed, weather, ...(name && { name }), ...(parts && { parts }) };
    const result = runSchedule(schedule);
    for (const key of Object.keys(total) as (keyof Coverage)[]) total[key] += result.coverage[key];
    const failure = failureOf(schedule, result);
    if (failure !== undefined) return { runs: seed - first + 1, coverage: total, failure };
  }
  return { runs: count, coverage: total, failure: undefined };
}

/** A smaller schedule that breaks the same invariant: fewer faults, then a shorter run. */
export function shrink(failure: Failure): Failure {
  let best = failure;
  const attempt = (schedule: Schedule): void => {
    const found = failureOf(schedule, runSchedule(schedule));
    if (found?.invariant === failure.invariant) best = found;
  };
  for (const fault of FAULTS) {
    if (weatherOf(best.schedule)[fault] === 0) continue;
    const { without = [] } = best.schedule;
    attempt({ ...best.schedule, without: [...without, fault] });
  }
  for (let runMs = RUN_MS / 2; runMs >= 100; runMs /= 2) {
    const former = best.schedule.runMs ?? RUN_MS;
    attempt({ ...best.schedule, runMs: former - runMs });
  }
  return best;
}

/** The command that runs a schedule again, for a shell. */
export function replayCommand(schedule: Schedule): string {
  const { seed, runMs, without = [], name, weather } = schedule;
  const words = [`npm run sim -- --seeds 1 --seed ${seed}`];
  if (name !== undefined) words.push(`--control ${quote(name)}`);
  if (weather !== undefined) words.push(`--weather ${formatFaults(weatherOf(schedule))}`);
  else if (without.length > 0) words.push(`--without ${without.join(',')}`);
  if (runMs !== undefined) words.push(`--run-ms ${runMs}`);
  return words.join(' ');
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function failureOf(schedule: Schedule, { broken }: RunResult): Failure | undefined {
  if (broken === undefined) return undefined;
  return { schedule, invariant: broken.invariant, words: broken.message };
}
