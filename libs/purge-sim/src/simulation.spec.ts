import { runSchedule } from './run-schedule.js';
import { runSeeds } from './run-seeds.js';

const SEEDS = 5_000;
const FIRST_SEED = 1;

describe('the purge protocol under faults', () => {
  it('keeps every invariant, in runs that try it', () => {
    const { runs, coverage, failure } = runSeeds(FIRST_SEED, SEEDS);
    expect(failure).toBeUndefined();
    expect(runs).toBe(SEEDS);
    for (const [what, count] of Object.entries(coverage))
      expect({ what, enough: count >= SEEDS / 10 }).toEqual({ what, enough: true });
    expect(coverage.succeeded).toBeGreaterThan(SEEDS * 4);
    expect(coverage.fenced).toBeGreaterThan(SEEDS);
  }, 400_000);

  it('is the same run for the same seed', () => {
    expect(runSchedule({ seed: 7 })).toEqual(runSchedule({ seed: 7 }));
  });
});
