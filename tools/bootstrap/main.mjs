// The commands, and the order of the steps.
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { findNatsServer } from './facts.mjs';
import { install } from './install.mjs';
import { interrupted, run } from './run.mjs';
import { Refusal } from './say.mjs';
import { runTests, verify } from './verify.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const USAGE = `usage: node tools/bootstrap.mjs <command> [args…]
  demo            a cluster on this machine: a file reaches every peer, one call clears it everywhere
  up [options]    the same cluster until Ctrl-C (--help)
  test            verify + medium + e2e, closing line "N passed, N failed, N skipped"
  verify          everything that is fast: format, types, lint, freshness, unit tests
  medium | e2e    one selection of tests; further words go to Jest
  bench           benchmarks
  chaos           faults on real daemons, and a check that nothing purged is served
  build           compile only
  exec CMD…       compile, then run CMD with node_modules/.bin on PATH
`;

/** Commands that are a compiled program. */
const PROGRAMS = new Map([
  ['demo', 'tools/dist/demo.js'],
  ['up', 'tools/dist/up.js'],
  ['bench', 'tools/dist/bench.js'],
  ['chaos', 'e2e/dist/chaos/main.js'],
]);

/**
 * Installs, builds and runs one command.
 * @param {readonly string[]} argv
 * @returns {Promise<number>} the exit code
 */
export async function main(argv) {
  const [command = '', ...args] = argv;
  const work = COMMANDS[command];
  if (work === undefined) {
    process.stderr.write(USAGE);
    return EXIT_USAGE;
  }
  try {
    return await work(args, () => prepare(command));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    process.stderr.write(`bootstrap: ${error.message}\n`);
    return error.exitCode;
  }
}

/** @type {Record<string, (args: string[], ready: () => Promise<void>) => Promise<number>>} */
const COMMANDS = {
  demo: (args, ready) => runProgram('demo', args, ready),
  up: (args, ready) => runProgram('up', args, ready),
  bench: (args, ready) => runProgram('bench', args, ready),
  chaos: (args, ready) => runProgram('chaos', args, ready),
  build: async (_args, ready) => {
    await ready();
    return 0;
  },
  exec: async ([file = 'node', ...args], ready) => {
    await ready();
    return run(file, args, { cwd: process.cwd(), env: childEnv() });
  },
  verify: (_args, ready) => counted(ready, (tally) => verify(root, childEnv(), tally)),
  medium: (args, ready) =>
    counted(ready, (tally) => runTests(root, childEnv(), 'medium', tally, args)),
  e2e: (args, ready) => counted(ready, (tally) => runTests(root, childEnv(), 'e2e', tally, args)),
  test: (_args, ready) =>
    counted(ready, async (tally) => {
      await verify(root, childEnv(), tally);
      if (!interrupted()) await runTests(root, childEnv(), 'medium', tally);
      if (!interrupted()) await runTests(root, childEnv(), 'e2e', tally);
    }),
};

/** @param {string} command */
async function prepare(command) {
  const finishInstall = await install(root, command);
  const ends = await Promise.allSettled([finishInstall(), build(root)]);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/**
 * @param {string} name
 * @param {readonly string[]} args
 * @param {() => Promise<void>} ready
 */
async function runProgram(name, args, ready) {
  await ready();
  const file = join(root, PROGRAMS.get(name) ?? '');
  if (!existsSync(file)) throw new Refusal(`there is no ${file}`, EXIT_FAILED);
  return run(process.execPath, [file, ...args], { cwd: process.cwd(), env: childEnv() });
}

/**
 * Runs tests and ends stdout with the one closing line, whatever happens.
 * @param {() => Promise<void>} ready
 * @param {(tally: import('./plan.cjs').Tally) => Promise<void>} work
 */
async function counted(ready, work) {
  const tally = { passed: 0, failed: 0, skipped: 0 };
  let exitCode = EXIT_FAILED;
  try {
    await ready();
    await work(tally);
    if (interrupted() && tally.failed === 0) tally.failed = 1;
  } catch (error) {
    tally.failed += 1;
    if (error instanceof Refusal) exitCode = error.exitCode;
    const words = error instanceof Refusal ? error.message : String(error);
    process.stderr.write(`bootstrap: ${words}\n`);
  }
  process.stdout.write(
    `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped\n`,
  );
  return tally.failed === 0 ? 0 : exitCode;
}

function childEnv() {
  const nats = findNatsServer();
  return {
    ...process.env,
    PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}`,
    NX_DAEMON: 'false',
    NX_NO_CLOUD: 'true',
    ...(nats === undefined ? {} : { PONDHAWK_NATS_SERVER: nats }),
  };
}
