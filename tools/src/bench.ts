/** `npm run bench`: measures a real cluster on this machine against tools, loops and caps. */

import { resolve } from 'node:path';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { toError } from '@pondhawk/core';
import type { BenchOptions, BenchPart } from './bench/bench-options.js';
import { benchDeletes } from './bench/deletes.js';
import { loadAverage } from './bench/machine.js';
import { benchIntake } from './bench/intake.js';
import { benchJobs } from './bench/jobs.js';
import { benchMemory } from './bench/memory.js';
import { findingsTable, seriesTable, type PartReport } from './bench/report.js';
import { benchPurges } from './bench/purges.js';
import { benchServing } from './bench/serving.js';
import { benchStreams } from './bench/streams.js';
import { benchSwarm } from './bench/swarm.js';
import { benchTransfer } from './bench/transfer.js';

const PARTS: Readonly<Record<string, BenchPart>> = {
  transfer: benchTransfer,
  serving: benchServing,
  swarm: benchSwarm,
  deletes: benchDeletes,
  purges: benchPurges,
  jobs: benchJobs,
  intake: benchIntake,
  streams: benchStreams,
  memory: benchMemory,
};
const USAGE = `usage: npm run bench -- [--quick] [${Object.keys(PARTS).join('|')}]…
  --quick   small sizes and few rounds: shows that it works, the figures mean little
`;
const EXIT_USAGE = 2;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.find((name) => PARTS[name] === undefined);
  if (values.help || unknown !== undefined) {
    if (unknown !== undefined) process.stderr.write(`bench: there is no part ${unknown}\n`);
    process.stdout.write(USAGE);
    return unknown === undefined ? 0 : EXIT_USAGE;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  const options: BenchOptions = {
    projectDir: resolve(__dirname, '..', '..'),
    isQuick: values.quick,
    signal: stop.signal,
    say: (line) => process.stdout.write(`   ${line}\n`),
  };
  const names = positionals.length === 0 ? Object.keys(PARTS) : positionals;
  process.stdout.write(
    `${new Date().toISOString()}, ${cpus().length} cores, Node ${process.version}, load ${loadAverage()}\n`,
  );
  const reports = await runParts(names, options);
  process.stdout.write(`\nGoals${values.quick ? ' (sizes of --quick: not to be compared)' : ''}\n`);
  process.stdout.write(findingsTable(reports));
  return 0;
}

async function runParts(names: readonly string[], options: BenchOptions): Promise<PartReport[]> {
  const reports: PartReport[] = [];
  for (const name of names) {
    const part = PARTS[name];
    if (part === undefined) continue;
    process.stdout.write(`\n${name}\n`);
    const report = await part(options);
    process.stdout.write(`\n${seriesTable(report)}`);
    for (const note of report.notes) process.stdout.write(`  ${note}\n`);
    reports.push(report);
  }
  return reports;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (thrown: unknown) => {
    const error = toError(thrown);
    const cause = error.cause instanceof Error ? `\n  because: ${error.cause.message}` : '';
    process.stderr.write(`\nThe bench failed: ${error.message}${cause}\n`);
    process.exitCode =
      'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS') ? EXIT_USAGE : 1;
  },
);
