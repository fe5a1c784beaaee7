// Words for people. They go to stderr: stdout belongs to the command (`up --json`).

/**
 * One short line.
 * @param {string} what
 * @param {string} words
 */
export function say(what, words) {
  process.stderr.write(`bootstrap: ${what.padEnd(9)} ${words}\n`);
}

/**
 * Says what begins, and how long it took.
 * @template T
 * @param {string} what
 * @param {string} words
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function timed(what, words, work) {
  const start = performance.now();
  say(what, words);
  const result = await work();
  say(what, `done in ${secondsSince(start)}`);
  return result;
}

/**
 * Like `12.3 s`.
 * @param {number} start of `performance.now()`
 */
export function secondsSince(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/** An end that is told in words, not by a stack. */
export class Refusal extends Error {
  /**
   * @param {string} words
   * @param {number} exitCode
   */
  constructor(words, exitCode) {
    super(words);
    this.exitCode = exitCode;
  }
}
