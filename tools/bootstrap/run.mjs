// Child processes: signals go on to them, their exit code comes back.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const FORWARDED = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** What a process that is still there after its time limit is given to end by itself. */
const KILL_GRACE_MS = 10_000;

/**
 * Runs a program to its end. SIGINT, SIGTERM and SIGHUP are passed on, and after the first of them
 * `interrupted()` is true.
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, stdio?: import('node:child_process').StdioOptions,
 *   limitMs?: number, onOutput?: (text: string) => void }} options
 * @returns {Promise<number>} its exit code; 128 + number for a signal; 127 when it does not start
 */
export function run(file, args, options) {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: options.onOutput ? ['ignore', 'pipe', 'pipe'] : (options.stdio ?? 'inherit'),
    });
    const { onOutput } = options;
    if (onOutput) {
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding('utf8').on('data', onOutput);
      }
    }
    const forward = (/** @type {NodeJS.Signals} */ signal) => {
      interruptedBy ??= signal;
      child.kill(signal);
    };
    for (const signal of FORWARDED) process.on(signal, forward);
    const timers = limitTimers(child, options.limitMs);
    const end = (/** @type {number} */ code) => {
      for (const signal of FORWARDED) process.off(signal, forward);
      for (const timer of timers) clearTimeout(timer);
      resolve(code);
    };
    child.once('error', (error) => {
      process.stderr.write(`${file}: ${error.message}\n`);
      end(127);
    });
    child.once('close', (code, signal) =>
      end(code ?? 128 + constants.signals[signal ?? 'SIGKILL']),
    );
  });
}

/**
 * Like `run`, but its output is shown only when it fails.
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, limitMs?: number }} options
 */
export async function runQuietly(file, args, options) {
  let output = '';
  const onOutput = (/** @type {string} */ text) => (output += text);
  const code = await run(file, args, { ...options, onOutput });
  if (code !== 0) process.stderr.write(`${output}\n$ ${[file, ...args].join(' ')}\n`);
  return code;
}

/** @type {NodeJS.Signals | undefined} */
let interruptedBy;

/** Whether a person or a supervisor asked for the end. */
export function interrupted() {
  return interruptedBy !== undefined;
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {number | undefined} limitMs
 */
function limitTimers(child, limitMs) {
  if (limitMs === undefined) return [];
  return [
    setTimeout(() => {
      process.stderr.write(`stopped: not done after ${limitMs / 1000} s\n`);
      child.kill('SIGTERM');
    }, limitMs),
    setTimeout(() => child.kill('SIGKILL'), limitMs + KILL_GRACE_MS),
  ];
}
