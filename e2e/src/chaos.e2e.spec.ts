import { failuresOf, tellReport } from './chaos/report.js';
import { runChaos } from './chaos/run-chaos.js';

/** Twice the number of faults there are, and some. */
const CYCLES = 20;
const SEED = 20_261;

const run = async (cycles: number, isDishonest: boolean) => {
  const lines: string[] = [];
  const { signal } = new AbortController();
  const report = await runChaos({
    cycles,
    seed: SEED,
    isDishonest,
    signal,
    say: (line) => lines.push(line),
  });
  process.stdout.write(`${[...lines, ...tellReport(report)].join('\n')}\n`);
  return report;
};

describe('Under faults of daemons, broker and network', () => {
  it('nothing that was purged is served by any host', async () => {
    const report = await run(CYCLES, false);
    expect(failuresOf(report)).toEqual([]);
    expect(report.cycles).toBe(CYCLES);
    const isGuaranteed = report.deletions.map(
      ({ state, finality }) => state === 'SUCCESS' && finality === 'guaranteed',
    );
    expect(isGuaranteed.filter(Boolean).length).toBeGreaterThanOrEqual(CYCLES);
  }, 400_000);

  it('a parent that serves what was purged is found', async () => {
    const report = await run(1, true);
    expect(report.stale.length).toBeGreaterThan(0);
    expect(new Set(report.stale.map(({ serve }) => serve.answer.host))).toEqual(
      new Set(['dishonest']),
    );
    expect(report.broken).toEqual([]);
  }, 120_000);
});
