// Steps 1 to 4: node_modules and the programs a command starts.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lookAround, missingTools } from './facts.mjs';
import {
  NODE_MIN,
  NEEDS,
  installedMatchesLock,
  nodeIsNewEnough,
  planAddon,
  planTools,
  readyKey,
} from './plan.cjs';
import { run, runQuietly } from './run.mjs';
import { Refusal, say, timed } from './say.mjs';

/** Exit code when a person has to do something first. */
const EXIT_NEEDS_A_HAND = 3;

const APT_LOCK = ['-o', 'DPkg::Lock::Timeout=300'];

/**
 * Makes node_modules and the command's tools ready; does next to nothing when they are.
 * @param {string} root
 * @param {string} command
 * @returns {Promise<() => Promise<void>>} the rest, the addon: it may take a minute on one core, and
 *   the build does not need it
 */
export async function install(root, command) {
  const stamp = join(root, 'node_modules', '.pondhawk-ready');
  const key = readyKey({
    lock: readFileSync(join(root, 'package-lock.json'), 'utf8'),
    nodeVersion: process.version,
    arch: process.arch,
  });
  const ready = readIfThere(stamp) === key;
  const needs = NEEDS[command];
  const wanted = needs ? [...needs.must, ...needs.may] : [];
  if (ready && !missingTools().some((tool) => wanted.includes(tool))) return nothingLeft;

  if (!nodeIsNewEnough(process.versions.node)) {
    throw new Refusal(`Node ${NODE_MIN} or newer is needed, this is ${process.version}`, 3);
  }
  const inSync = ready || (await installedByHand(root));
  const facts = await lookAround({ probeHost: !inSync });
  const tools = planTools(command, facts);
  const addon = inSync ? { apt: [], env: {}, reason: '' } : planAddon(facts);
  const refusals = addon.refuse ? [`${addon.reason}: ${addon.refuse}`] : [];
  refusals.push(...tools.refuse);
  if (refusals.length > 0) {
    throw new Refusal(
      `something has to be installed first\n  ${refusals.join('\n  ')}`,
      EXIT_NEEDS_A_HAND,
    );
  }
  for (const words of tools.warn) say('tools', words);
  const apt = aptInstall(root, [...addon.apt, ...tools.apt]);
  const packages = inSync ? Promise.resolve() : npmCi(root);
  const ends = await Promise.allSettled([apt, packages]);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return async () => {
    if (!inSync) await installAddon(root, addon);
    if (!ready) writeFileSync(stamp, key);
  };
}

async function nothingLeft() {
  // Everything was ready.
}

/**
 * @param {string} root
 * @param {readonly string[]} packages
 */
async function aptInstall(root, packages) {
  if (packages.length === 0) return;
  await timed('tools', `apt-get update, then install ${packages.join(' ')}`, async () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const options = { cwd: root, env };
    // A mirror that is down need not hold up the others; the install below tells.
    await runQuietly('apt-get', [...APT_LOCK, '-qq', 'update'], options);
    const words = ['install', '-qq', '-y', '--no-install-recommends', ...packages];
    const code = await runQuietly('apt-get', [...APT_LOCK, ...words], options);
    if (code !== 0) throw new Refusal(`apt-get ended with ${code}`, EXIT_NEEDS_A_HAND);
  });
}

const NPM_FLAGS = ['--loglevel=error', '--no-audit', '--no-fund', '--prefer-offline'];
const NPM_ENV = { NX_DAEMON: 'false', NX_NO_CLOUD: 'true', npm_config_update_notifier: 'false' };

/**
 * All packages and none of their install scripts: of those only the addon's does what we need.
 * @param {string} root
 */
async function npmCi(root) {
  await timed('packages', 'npm ci', async () => {
    const words = ['ci', '--ignore-scripts', ...NPM_FLAGS];
    const env = { ...process.env, ...NPM_ENV };
    const code = await runQuietly('npm', words, { cwd: root, env });
    if (code !== 0) throw new Refusal(`npm ci ended with ${code}`, 1);
  });
}

/**
 * @param {string} root
 * @param {{ env: Record<string, string>, reason: string }} addon
 */
async function installAddon(root, addon) {
  await timed('addon', `better-sqlite3: ${addon.reason}`, async () => {
    const words = ['rebuild', 'better-sqlite3', ...NPM_FLAGS];
    const env = { ...process.env, ...NPM_ENV, ...addon.env };
    const code = await runQuietly('npm', words, { cwd: root, env });
    if (code !== 0) throw new Refusal(`npm rebuild better-sqlite3 ended with ${code}`, 1);
  });
}

/**
 * Whether someone's `npm install` left just what the lock file says, and the addon fits this Node:
 * then `npm ci` would only delete and bring back the same.
 * @param {string} root
 */
async function installedByHand(root) {
  const installed = readIfThere(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return false;
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  if (!installedMatchesLock(JSON.parse(lock), JSON.parse(installed))) return false;
  const probe = "new (require('better-sqlite3'))(':memory:').close()";
  const code = await run(process.execPath, ['-e', probe], { cwd: root, stdio: 'ignore' });
  return code === 0;
}

/** @param {string} path */
function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
