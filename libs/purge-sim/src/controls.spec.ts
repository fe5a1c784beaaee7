import { REAL_RULES, control } from './control.js';
import { CONTROLS_OF_COPIES } from './controls-of-copies.js';
import { CONTROLS_OF_FOREIGN } from './controls-of-foreign.js';
import { CONTROLS_OF_LEASES, needsOfLog } from './controls-of-leases.js';
import { CONTROLS_OF_LEDGER } from './controls-of-ledger.js';
import { CONTROLS_OF_SERVING } from './controls-of-serving.js';
import { replayCommand, runSeeds, shrink } from './run-seeds.js';

/** More than ten times what the hardest take. */
const SEEDS_MAX = 3_000;
const FIRST_SEED = 1;

describe('a weaker rule is found out', () => {
  it.each([
    ...CONTROLS_OF_COPIES,
    ...CONTROLS_OF_LEASES,
    ...CONTROLS_OF_LEDGER,
    ...CONTROLS_OF_SERVING,
    ...CONTROLS_OF_FOREIGN,
  ])(
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
      /^npm run sim -- --seeds 1 --seed \d+ --without [a-zA-Z,]+( --run-ms \d+)?$/,
    );
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
