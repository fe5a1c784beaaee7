// Looks at the machine and decides nothing.
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { TOOLS } from './plan.cjs';

/** Where better-sqlite3's install script downloads its prebuilt addon from. */
const PREBUILT_HOST = 'github.com';
const PREBUILT_WAIT_MS = 3000;

/** Debian keeps servers where an ordinary user's PATH does not look. */
const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
const POSTGRESQL_DIR = '/usr/lib/postgresql';

/**
 * Full path of a program, or undefined.
 * @param {string} name
 */
function findProgram(name) {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SBIN];
  return folders
    .filter(Boolean)
    .map((dir) => join(dir, name))
    .find(isExecutable);
}

/** The nats-server to start: the one named by the environment, else from PATH. */
export function findNatsServer() {
  const named = process.env['PONDHAWK_NATS_SERVER'];
  if (named !== undefined && named !== '') return isExecutable(named) ? named : undefined;
  return findProgram('nats-server');
}

/** Names out of TOOLS that are not here. */
export function missingTools() {
  return Object.keys(TOOLS).filter((name) => {
    if (name === 'nats-server') return findNatsServer() === undefined;
    if (name === 'initdb') return findInitdb() === undefined;
    return findProgram(name) === undefined;
  });
}

/**
 * Everything `plan.cjs` asks for.
 * @param {{ probeHost: boolean }} options without the probe the host counts as silent
 * @returns {Promise<import('./plan.cjs').Facts>}
 */
export async function lookAround({ probeHost }) {
  return {
    root: process.getuid?.() === 0,
    apt: isDebian() && findProgram('apt-get') !== undefined,
    compiler: ['cc', 'g++', 'make', 'python3'].every((name) => findProgram(name) !== undefined),
    prebuiltHost: probeHost && (await answers(PREBUILT_HOST, 443)),
    headersPrefix: headersPrefix(),
    missingTools: missingTools(),
  };
}

function findInitdb() {
  if (!existsSync(POSTGRESQL_DIR)) return findProgram('initdb');
  const found = readdirSync(POSTGRESQL_DIR)
    .map((version) => join(POSTGRESQL_DIR, version, 'bin', 'initdb'))
    .find(isExecutable);
  return found ?? findProgram('initdb');
}

function headersPrefix() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include', 'node', 'node.h')) ? prefix : '';
}

function isDebian() {
  try {
    return /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false; // not Linux, or a very small one: apt is not offered there
  }
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} host
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function answers(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (/** @type {boolean} */ yes) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(yes);
    };
    // Its own timer: a name server that does not answer is waited for just as long.
    const timer = setTimeout(() => end(false), PREBUILT_WAIT_MS);
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}
