// Everything that is fast: the steps of `npm run verify`, which `npm test` begins with.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tallyOfJest } from './plan.cjs';
import { run, runQuietly } from './run.mjs';
import { secondsSince } from './say.mjs';

const STEP_LIMIT_MS = 10 * 60_000;

/**
 * One check; it is fine when the program ends with 0.
 * @typedef {{ name: string, words: readonly string[] }} Check
 * @type {readonly Check[]}
 */
const CHECKS = [
  { name: 'format', words: ['prettier', '--check', '--log-level=warn', '.'] },
  { name: 'lock file is fresh', words: ['npm', 'ci', '--dry-run', '--loglevel=error'] },
  { name: 'generated code is fresh', words: ['npm', 'run', '--silent', 'gen:check'] },
  { name: 'project references', words: ['nx', 'sync:check'] },
  { name: 'types', words: ['tsc', '-b'] },
  { name: 'dead code', words: ['npm', 'run', '--silent', 'knip'] },
  { name: 'lint and boundaries', words: ['nx', 'run-many', '-t', 'lint', '--output-style=static'] },
];

/**
 * Selections of jest.config.cjs: `words` go to Jest.
 * @typedef {'unit' | 'medium' | 'e2e'} Selection
 * @type {Record<Selection, { words: readonly string[], limitMs: number }>}
 */
const SELECTIONS = {
  unit: { words: ['--maxWorkers=2'], limitMs: 10 * 60_000 },
  medium: { words: ['--maxWorkers=2'], limitMs: 20 * 60_000 },
  e2e: { words: ['--runInBand'], limitMs: 40 * 60_000 },
};

/**
 * Counts over all runs, for the closing line.
 * @typedef {import('./plan.cjs').Tally} Tally
 */

/**
 * The checks, then the unit tests.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {Tally} tally added to
 */
export async function verify(root, env, tally) {
  for (const check of CHECKS) {
    if (!(await runCheck(root, env, check))) tally.failed += 1;
  }
  await runTests(root, env, 'unit', tally);
}

/**
 * One selection of tests.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {Selection} selection
 * @param {Tally} tally added to
 * @param {readonly string[]} [more] further words to Jest
 */
export async function runTests(root, env, selection, tally, more = []) {
  const start = performance.now();
  const { words, limitMs } = SELECTIONS[selection];
  progress(`${selection} tests`);
  const dir = mkdtempSync(join(tmpdir(), 'pondhawk-jest-'));
  const outputFile = join(dir, 'result.json');
  try {
    const jest = ['--selectProjects', selection, '--json', `--outputFile=${outputFile}`];
    // --json also prints the result on stdout; only the file is wanted.
    const code = await run('jest', [...jest, ...words, ...more], {
      cwd: root,
      env,
      stdio: ['ignore', 'ignore', 2],
      limitMs,
    });
    const added = tallyOfJest(readResult(outputFile), code);
    tally.passed += added.passed;
    tally.failed += added.failed;
    tally.skipped += added.skipped;
    const verdict = added.failed === 0 ? 'ok' : 'FAILED';
    progress(`${selection} tests: ${verdict}, ${added.passed} passed, ${secondsSince(start)}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** @param {string} path */
function readResult(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined; // Jest died before it wrote one; counted as a failure
  }
}

/**
 * Its output is shown only when it fails.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {Check} check
 */
async function runCheck(root, env, check) {
  const start = performance.now();
  const [file = '', ...args] = check.words;
  const code = await runQuietly(file, args, { cwd: root, env, limitMs: STEP_LIMIT_MS });
  const verdict = code === 0 ? 'ok' : 'FAILED';
  progress(`${check.name}: ${verdict}, ${secondsSince(start)}`);
  return code === 0;
}

/** @param {string} words */
function progress(words) {
  process.stderr.write(`verify: ${words}\n`);
}
