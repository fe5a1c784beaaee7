/** What the demo prints. */

/** A reason for the demo to end with a code that is not 0. */
export class DemoFailure extends Error {}

let steps = 0;

/** Begins a step. */
export function step(text: string): void {
  steps += 1;
  process.stdout.write(`\n${steps}. ${text}\n`);
}

/** One line within a step. */
export function say(text: string): void {
  process.stdout.write(`   ${text}\n`);
}

/** Time since a reading of `performance.now()`, as people read it. */
export function seconds(sinceMs: number): string {
  const ms = performance.now() - sinceMs;
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
