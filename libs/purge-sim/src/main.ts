import { parseArgs } from 'node:util';
import { replayCommand, runSchedule, runSeeds, shrink } from './index.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    without: { type: 'string' },
    'run-ms': { type: 'string' },
  },
});
const seed = Number(values.seed);
if (values.without !== undefined || values['run-ms'] !== undefined) replay();
else search();

function replay(): void {
  const without = values.without?.split(',') ?? [];
  const runMs = values['run-ms'] === undefined ? {} : { runMs: Number(values['run-ms']) };
  const { broken, events } = runSchedule({ seed, without, ...runMs });
  process.stdout.write(`${broken?.message ?? 'every invariant held'} (${events} events)\n`);
  process.exitCode = broken === undefined ? 0 : 1;
}

function search(): void {
  const { runs, coverage, failure } = runSeeds(seed, Number(values.seeds));
  process.stdout.write(`${runs} schedules from seed ${seed}: ${JSON.stringify(coverage)}\n`);
  if (failure === undefined) return;
  const small = shrink(failure);
  process.stdout.write(`${small.words}\nreplay: ${replayCommand(small.schedule)}\n`);
  process.exitCode = 1;
}
