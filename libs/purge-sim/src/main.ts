import { parseArgs } from 'node:util';
import { CONTROLS } from './controls.js';
import {
  formatFaults,
  parseFaults,
  replayCommand,
  type Schedule,
  runSchedule,
  runSeeds,
  shrink,
  weatherOf,
} from './index.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    without: { type: 'string' },
    'run-ms': { type: 'string' },
    /** Name of a control, whose weaker part is put in the place of the rule. */
    control: { type: 'string' },
    /** Faults in the place of those that a seed draws, or that the control has. */
    weather: { type: 'string' },
  },
});
const seed = Number(values.seed);
const seeds = Number(values.seeds);
const weaker = findWeaker();
if (seeds === 1 || values.without !== undefined || values['run-ms'] !== undefined) replay();
else search();

function findWeaker(): Pick<Schedule, 'name' | 'parts' | 'weather'> {
  const found = CONTROLS.find(({ name }) => name === values.control);
  if (values.control !== undefined && found === undefined)
    throw new RangeError(`--control: one of\n${CONTROLS.map(({ name }) => name).join('\n')}`);
  const weather = values.weather === undefined ? found?.weather : parseFaults(values.weather);
  return { weather, ...(found && { name: found.name, parts: found.parts }) };
}

function replay(): void {
  const without = values.without?.split(',') ?? [];
  const runMs = values['run-ms'] === undefined ? {} : { runMs: Number(values['run-ms']) };
  const schedule = { seed, without, ...runMs, ...weaker };
  const { broken, events } = runSchedule(schedule);
  process.stdout.write(
    `${broken?.message ?? 'every invariant held'} (${events} events)\n` +
      `weather: ${formatFaults(weatherOf(schedule))}\n`,
  );
  process.exitCode = broken === undefined ? 0 : 1;
}

function search(): void {
  const { runs, coverage, failure } = runSeeds(seed, seeds, weaker);
  process.stdout.write(`${runs} schedules from seed ${seed}: ${JSON.stringify(coverage)}\n`);
  if (failure === undefined) return;
  const small = shrink(failure);
  process.stdout.write(
    `${small.words}\nweather: ${formatFaults(weatherOf(small.schedule))}\n` +
      `replay: ${replayCommand(small.schedule)}\n`,
  );
  process.exitCode = 1;
}
