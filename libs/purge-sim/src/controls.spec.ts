import { REAL_RULES, control } from './control.js';
import { needsOfLog } from './controls-of-leases.js';
import { CONTROLS } from './controls.js';
import { parseFaults } from './faults.js';
import { runSchedule, weatherOf } from './run-schedule.js';
import { replayCommand, runSeeds, shrink } from './run-seeds.js';

/** More than ten times what the hardest take. */
const SEEDS_MAX = 3_000;
const FIRST_SEED = 1;

describe('a weaker rule is found out', () => {
  it.each(CONTROLS)(
    '$name',
    (weaker) => {
      const { failure } = runSeeds(FIRST_SEED, SEEDS_MAX, weaker);
      expect(weaker.invariants).toContain(failure?.invariant);
    },
    400_000,
  );

  it('is found out again by the smaller schedule that is printed', () => {
    const weaker = control('R3: everything', { rules: { mayWriteChunk: () => true } }, []);
    const { failure } = runSeeds(FIRST_SEED, 50, weaker);
    const small = shrink(failure!);
    expect(small.invariant).toBe(failure!.invariant);
    expect(replayCommand(small.schedule)).toMatch(
      /^npm run sim -- --seeds 1 --seed \d+ --control 'R3: everything' --without [a-zA-Z,]+( --run-ms \d+)?$/,
    );
  });
});

describe('a replay of a control', () => {
  const weaker = CONTROLS.find(({ name }) => name === 'serving: who may serve is fenced')!;

  it('names the control and the faults that are left of its weather, and is the same run', () => {
    const small = shrink(runSeeds(FIRST_SEED, 500, weaker).failure!);
    const words = replayCommand(small.schedule);
    const faults = /--weather (\S+)/.exec(words)?.[1] ?? '';
    expect(words).toContain("--control 'serving: who may serve is fenced'");
    const weather = parseFaults(faults);
    expect(weather).toEqual(weatherOf(small.schedule));
    const again = runSchedule({ ...small.schedule, without: [], weather });
    expect(again.broken?.message).toBe(small.words);
  });

  it('is quoted for a shell', () => {
    expect(replayCommand({ seed: 1, name: "a host's lease" })).toContain(
      "--control 'a host'\\''s lease'",
    );
  });

  it.each(['storm=1', 'loss=2', 'loss', 'loss='])('does not take %s for a fault', (word) => {
    expect(() => parseFaults(`twice=0.1,${word}`)).toThrow(RangeError);
  });
});

describe('what another rule covers', () => {
  it('is as good: grants that need what the log has, as long as the log reaches the view', () => {
    const { failure } = runSeeds(FIRST_SEED, 300, control('R4', needsOfLog(true), []));
    expect(failure).toBeUndefined();
  });

  it('is not felt: a grant on a log that does not reach the view, as the host looks itself', () => {
    const { grantRefusal } = REAL_RULES;
    const rules = {
      grantRefusal: ((found, log) => {
        const refusal = grantRefusal(found, log);
        return refusal === 'LOG_BEHIND' ? undefined : refusal;
      }) satisfies typeof grantRefusal,
    };
    expect(runSeeds(FIRST_SEED, 300, control('R5', { rules }, [])).failure).toBeUndefined();
  });
});
