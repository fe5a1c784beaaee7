'use strict';

// What to do, decided from facts alone: no file, process or network is touched here.

const { createHash } = require('node:crypto');

/**
 * What was found on this machine.
 * @typedef {object} Facts
 * @property {boolean} root
 * @property {boolean} apt a Debian whose apt-get can be called
 * @property {boolean} compiler cc, g++, make and python3 are all here
 * @property {boolean} prebuiltHost the host of the prebuilt addon took a connection
 * @property {string} headersPrefix folder with include/node/node.h of this Node, else ''
 * @property {readonly string[]} missingTools names out of TOOLS that were not found
 */

/**
 * What to do before `npm ci`.
 * @typedef {object} AddonPlan
 * @property {readonly string[]} apt packages of the compiler, when they have to be installed
 * @property {Record<string, string>} env what npm is told
 * @property {string} reason one line for people
 * @property {string} [refuse] the line to run first: nothing can go on without it
 */

/** Oldest Node that runs everything here. */
const NODE_MIN = '20.19.0';

const COMPILER_PACKAGES = ['python3', 'make', 'g++'];

/**
 * Programs that commands start: Debian's package, and what to do where apt is not at hand.
 * @type {Record<string, { apt: string, how: string }>}
 */
const TOOLS = {
  'nats-server': {
    apt: 'nats-server',
    how: 'get it from https://github.com/nats-io/nats-server/releases and put it on PATH, or set PONDHAWK_NATS_SERVER to its full path',
  },
  initdb: { apt: 'postgresql', how: 'install PostgreSQL 15 or newer' },
  curl: { apt: 'curl', how: 'install curl' },
  aria2c: { apt: 'aria2', how: 'install aria2' },
  'redis-server': { apt: 'redis-server', how: 'install Redis 7 or newer' },
  ip: { apt: 'iproute2', how: 'install iproute2 (Linux only)' },
};

/** What a bench alone compares with is needed by no test. */
const TEST_TOOLS = Object.keys(TOOLS).filter((tool) => tool !== 'redis-server');

/**
 * Tools a command cannot do without (`must`), or does less without (`may`: its tests are skipped by
 * name, or fail where CI is set).
 * @type {Record<string, { must: readonly string[], may: readonly string[] }>}
 */
const NEEDS = {
  demo: { must: ['nats-server'], may: [] },
  up: { must: ['nats-server'], may: [] },
  bench: { must: ['nats-server', 'curl', 'aria2c', 'redis-server'], may: [] },
  chaos: { must: ['nats-server'], may: [] },
  test: { must: [], may: TEST_TOOLS },
  medium: { must: [], may: ['nats-server', 'initdb'] },
  e2e: { must: [], may: TEST_TOOLS },
};

/**
 * Whether a version like `20.19.0` is new enough.
 * @param {string} version
 * @returns {boolean}
 */
function nodeIsNewEnough(version) {
  const have = version.split('.').map(Number);
  const want = NODE_MIN.split('.').map(Number);
  for (const [i, least] of want.entries()) {
    const part = have[i] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

/**
 * Stands for one state of node_modules; changes with the lock file, Node and the processor.
 * @param {{ lock: string, nodeVersion: string, arch: string }} input
 * @returns {string}
 */
function readyKey({ lock, nodeVersion, arch }) {
  return createHash('sha256').update(`${nodeVersion}\n${arch}\n${lock}`).digest('hex');
}

/**
 * Whether node_modules holds just what the lock file names, as after `npm install`. Packages for
 * other platforms (optional ones) may be absent.
 * @typedef {{ version?: string, link?: boolean, optional?: boolean, integrity?: string }} LockEntry
 * @param {{ packages?: Record<string, LockEntry> }} lock package-lock.json
 * @param {{ packages?: Record<string, LockEntry> }} installed node_modules/.package-lock.json
 * @returns {boolean}
 */
function installedMatchesLock(lock, installed) {
  const have = installed.packages ?? {};
  const want = Object.entries(lock.packages ?? {}).filter(([path]) =>
    path.includes('node_modules/'),
  );
  if (want.length === 0) return false;
  return want.every(([path, entry]) => {
    const found = have[path];
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

/**
 * How the SQLite addon gets here: downloaded, compiled, or not at all.
 * @param {Facts} facts
 * @returns {AddonPlan}
 */
function planAddon(facts) {
  /** @type {Record<string, string>} */
  const env = { JOBS: 'max' };
  if (facts.headersPrefix !== '') env['npm_config_nodedir'] = facts.headersPrefix;
  if (facts.prebuiltHost) return { apt: [], env, reason: 'fetched' };
  // Without this the install would first wait for a download that cannot come.
  env['npm_config_build_from_source'] = 'better-sqlite3';
  if (facts.compiler) return { apt: [], env, reason: 'compiled' };
  const why = 'no compiler is here, and github.com does not answer';
  if (facts.root && facts.apt)
    return { apt: COMPILER_PACKAGES, env, reason: `compiled, as ${why}` };
  return { apt: [], env, reason: why, refuse: aptLine(COMPILER_PACKAGES, facts) };
}

/**
 * Which tools of a command are installed, and which stay missing and why that matters.
 * @param {string} command
 * @param {Facts} facts
 * @returns {{ apt: string[], refuse: string[], warn: string[] }}
 */
function planTools(command, facts) {
  const { must, may } = NEEDS[command] ?? { must: [], may: [] };
  const plan = { apt: /** @type {string[]} */ ([]), refuse: [''], warn: [''] };
  plan.refuse = [];
  plan.warn = [];
  for (const name of facts.missingTools) {
    const tool = TOOLS[name];
    if (tool === undefined || !(must.includes(name) || may.includes(name))) continue;
    if (facts.root && facts.apt) {
      plan.apt.push(tool.apt);
      continue;
    }
    const how = facts.apt ? aptLine([tool.apt], facts) : tool.how;
    (must.includes(name) ? plan.refuse : plan.warn).push(`${name} is missing: ${how}`);
  }
  return plan;
}

/**
 * The line a person types to install packages.
 * @param {readonly string[]} packages
 * @param {Pick<Facts, 'root' | 'apt'>} facts
 * @returns {string}
 */
function aptLine(packages, facts) {
  if (!facts.apt) return `install a C++ compiler, make and python3 (${packages.join(' ')})`;
  const sudo = facts.root ? '' : 'sudo ';
  const words = packages.join(' ');
  return `${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends ${words}`;
}

/**
 * What a Jest run adds to the closing line. A file that died before its first test counts as one
 * failure, and so does a run that left no result.
 * @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number,
 *   numTodoTests: number, success: boolean,
 *   testResults: { status: string, assertionResults: { status: string }[] }[] }} JestResult
 * @typedef {{ passed: number, failed: number, skipped: number }} Tally
 * @param {JestResult | undefined} result
 * @param {number} exitCode
 * @returns {Tally}
 */
function tallyOfJest(result, exitCode) {
  if (result === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const died = result.testResults.filter(
    (file) =>
      file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  ).length;
  const failed = result.numFailedTests + died;
  return {
    passed: result.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

module.exports = {
  NEEDS,
  NODE_MIN,
  TOOLS,
  aptLine,
  installedMatchesLock,
  nodeIsNewEnough,
  planAddon,
  planTools,
  readyKey,
  tallyOfJest,
};
