/** Longest rest after a step. */
export const REST_MS_MAX = 1_000;

/**
 * Runs one step of work that has many, and then rests for as long as the step took: such work has at
 * most half of the process's time. Steps back to back would leave others one turn of the event loop
 * each, in which Node accepts one connection; in a rest it has as many turns as it needs.
 *
 * @throws what the step throws, without a rest.
 */
export async function runAtHalfTime<T>(step: () => Promise<T>): Promise<T> {
  const startedAtMs = performance.now();
  const result = await step();
  const restMs = Math.min(performance.now() - startedAtMs, REST_MS_MAX);
  await new Promise((resolve) => setTimeout(resolve, restMs));
  return result;
}
