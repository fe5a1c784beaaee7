/** `npm run chaos -- --cycles N [--seed S]`: faults on real daemons, and a check that nothing purged is served. */

import { parseArgs } from 'node:util';
import { toError } from '@pondhawk/core';
import { failuresOf, tellReport } from './report.js';
import { runChaos } from './run-chaos.js';

const USAGE = `usage: npm run chaos -- [--cycles N] [--seed S] [--dishonest]
  --cycles N    one fault, its healing and a check each; default 20
  --seed S      chooses the faults; default by the clock
  --dishonest   adds a parent that serves what was purged, so that the run must fail
`;
const EXIT_USAGE = 2;
const WHOLE_NUMBER = /^\d{1,9}$/;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      cycles: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      dishonest: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || ![values.cycles, values.seed].every((value) => WHOLE_NUMBER.test(value))) {
    process.stdout.write(USAGE);
    return values.help ? 0 : EXIT_USAGE;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  const report = await runChaos({
    cycles: Number(values.cycles),
    seed: Number(values.seed),
    isDishonest: values.dishonest,
    signal: stop.signal,
    say: (line) => process.stdout.write(`   ${line}\n`),
  });
  for (const line of tellReport(report)) process.stdout.write(`${line}\n`);
  const failures = failuresOf(report);
  for (const line of failures) process.stderr.write(`${line}\n`);
  return failures.length === 0 ? 0 : 1;
}

main().then(
  (code) => (process.exitCode = code),
  (thrown: unknown) => {
    const error = toError(thrown);
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    process.stderr.write(`\nThe run of chaos failed: ${error.message}${cause}\n`);
    process.exitCode =
      'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS') ? EXIT_USAGE : 1;
  },
);
